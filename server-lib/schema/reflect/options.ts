import { EnginelightError } from '../../channels/errors.ts'
import { checkOptions, need, type Asker, type Needs } from '../../channels/options.ts'
import type { RelationKind } from '../table.ts'

/**
 * Where descriptions are kept, as texts: a `Map` will do, or three lines on Redis. A key is never reused for another
 * text, so an old entry is merely useless: evicting it is up to the store.
 */
export interface SchemaCache {
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  set(key: string, text: string): unknown
}

/** What an `only` function gets. */
export interface RelationName {
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
}

/** Which tables: names (`orders`, `shop.orders`), a pattern for `schema.name`, or a function that decides. */
export type Only = readonly string[] | RegExp | ((relation: RelationName) => boolean)

export interface ReflectOptions {
  /**
   * Names as in the catalogue, without quotes; `pg_temp` is the schema of the session's temporary tables. `'*'` is
   * every schema that is not the server's own. Default: the schemas on the session's search path, which
   * `select 'orders'` would look through.
   */
  schemas?: readonly string[] | '*'
  /**
   * Tables and views to read; the others cost nothing. A name without a schema applies to every schema. A name that no
   * table has is EL_UNKNOWN_TABLE. Default: all.
   */
  only?: Only
  /**
   * A file, or an object that keeps texts by key. The stored description is used while the catalogue's fingerprint
   * stays the same; one statement asks for it. Cannot be combined with a function as `only`, which has no key.
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

/** Throws EL_CONFIG for an unknown or a wrong option. */
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
