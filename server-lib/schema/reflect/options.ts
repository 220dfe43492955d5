import { EnginelightError } from '../../channels/errors.ts'
import { checkOptions, need, type Asker, type Needs } from '../../channels/options.ts'
import type { RelationKind } from '../table.ts'

/**
 * Where descriptions are kept, as texts: a `Map` will do, or three lines on Redis. A key is never used for another text,
 * so that an old entry is only useless: letting go of it is the store's affair.
 */
export interface SchemaCache {
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  set(key: string, text: string): unknown
}

/** What `only` is asked about. */
export interface RelationName {
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
}

/** Which tables: names (`orders`, `shop.orders`), a pattern for `schema.name`, or a function that says. */
export type Only = readonly string[] | RegExp | ((relation: RelationName) => boolean)

export interface ReflectOptions {
  /**
   * Names as they are in the catalogue, without quotes; `pg_temp` is that of the session's temporary tables. `'*'` is
   * every schema that is not the server's own. Default: those on the session's search path, as `select 'orders'` would
   * look through them.
   */
  schemas?: readonly string[] | '*'
  /**
   * Tables and views to be read; the others cost nothing. A name without a schema is meant in each. A name that no table
   * has is EL_UNKNOWN_TABLE. Default: all.
   */
  only?: Only
  /**
   * A file, or an object that keeps texts by a key. While a fingerprint of the catalogue is the same as before, which one
   * statement asks, what is kept is used again. Not together with a function as `only`, which has no key.
   */
  cache?: string | SchemaCache
}

const NEEDS: Needs<ReflectOptions> = {
  schemas: need("a list of names, or '*'", value => value === '*' || isNames(value)),
  only: need(
    'a list of names, a regular expression or a function',
    value => isNames(value) || value instanceof RegExp || typeof value === 'function',
  ),
  cache: need('the name of a file, or an object with get(key) and set(key, text)', isCache),
}
const ASKER: Asker = {
  name: 'reflect()',
  noOption: (option, known) => `reflect() has no option "${option}"; there are ${known}.`,
}

/** Throws EL_CONFIG for whatever is not among the options. */
export function checkReflect(options: ReflectOptions): void {
  checkOptions(ASKER, options, NEEDS)
  if (options.cache === undefined || typeof options.only !== 'function') return
  throw new EnginelightError(
    'EL_CONFIG',
    'A cache cannot tell one function from another: give only as names or a regular expression.',
    { option: 'cache' },
  )
}

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every(name => typeof name === 'string' && name !== '')
  )
}

function isCache(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  const { get, set } = (value ?? {}) as Partial<SchemaCache>
  return typeof get === 'function' && typeof set === 'function'
}
