import type { Knex } from 'knex'

type Method = (this: unknown, ...args: unknown[]) => unknown
export type Dialect = new (config: Knex.Config) => object

/**
 * A dialect of knex for connections whose transaction belongs to other code. It says `transacting`, so knex sends
 * SAVEPOINT where it would send BEGIN, and never COMMIT. One class for each base, because every session asks for it.
 */
export function transactingDialects(overrides: (base: Dialect) => Record<string, Method> = () => ({})) {
  const dialects = new WeakMap<Dialect, Dialect>()
  return (base: Dialect): Dialect => {
    let dialect = dialects.get(base)
    if (!dialect) {
      dialect = class TransactingDialect extends base {}
      Object.assign(dialect.prototype as object, { transacting: true, ...overrides(base) })
      dialects.set(base, dialect)
    }
    return dialect
  }
}

/** A pool, as knex uses it, with a single connection that is always available: the session's, or the host's. */
export function poolOfOne<Connection>(
  acquire: () => Promise<Connection>,
  release: (connection: Connection) => boolean,
) {
  return {
    acquire: () => ({ promise: acquire() }),
    release,
    destroy: () => Promise.resolve(),
    numFree: () => 0,
    numUsed: () => 1,
    numPendingAcquires: () => 0,
  }
}

/**
 * Gives a knex its `connectionPool`. That is an option from knex 3.3 on. An older knex ignores the option, but uses the
 * pool that its client has.
 */
export function onPool(knex: Knex, pool: object): Knex {
  const client = knex.client as { pool?: unknown }
  client.pool ??= pool
  return knex
}
