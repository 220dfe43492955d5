import { EnginelightError } from '../channels/errors.ts'
import { borrow, type Borrowed, type BorrowOptions } from './borrow.ts'

/** The host's databases, by the host's own names for them. */
export interface BorrowedAll<Alias extends string> {
  /** The database of that name, or the first without a name; always the same object. Throws EL_UNKNOWN_ENGINE. */
  getEngine(alias?: Alias): Borrowed
  /** For `createEngines({ ...borrowed.definitions })`: one engine for each database, under its name. */
  readonly definitions: { readonly [A in Alias]: Borrowed['engine'] }
}

/**
 * Borrows from a host that has several databases, such as an ORM's data sources or Django's aliases: one `borrow()` for
 * each, found by the host's name for it. Throws EL_CONFIG.
 */
export function borrowAll<const Alias extends string>(
  databases: Readonly<Record<Alias, BorrowOptions>>,
): BorrowedAll<Alias> {
  const known = new Map<string, Borrowed>()
  for (const [alias, options] of Object.entries<BorrowOptions>(databases)) known.set(alias, borrow(options))
  const aliases = [...known.keys()]
  const [first] = aliases
  if (first === undefined)
    throw new EnginelightError('EL_CONFIG', 'borrowAll() needs at least one database of the host.')
  const definitions = Object.fromEntries([...known].map(([alias, { engine }]) => [alias, engine]))
  return {
    definitions: definitions as BorrowedAll<Alias>['definitions'],
    getEngine(alias: string = first) {
      const borrowed = known.get(alias)
      if (borrowed) return borrowed
      throw new EnginelightError(
        'EL_UNKNOWN_ENGINE',
        `The host has no database "${alias}"; there are ${aliases.join(', ')}.`,
        { engine: alias, known: aliases },
      )
    },
  }
}
