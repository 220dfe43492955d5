import type { Knex } from 'knex'

type Method = (this: unknown, ...args: unknown[]) => unknown
export type Dialect = new (config: Knex.Config) => object

/**
 * A dialect of knex for connections whose transaction is somebody else's: it says `transacting`, so knex sends SAVEPOINT
 * where it would send BEGIN and never COMMIT. One class for each base, since those who ask are as many as the sessions.
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

/** What knex asks of a pool, where there is always a connection and it is one: the session's, or the host's. */
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
 * Gives a knex its `connectionPool`. That is an option from knex 3.3 on; an older one ignores it, and asks the pool that its client
 * has for a connection all the same.
 */
export function onPool(knex: Knex, pool: object): Knex {
  const client = knex.client as { pool?: unknown }
  client.pool ??= pool
  return knex
}
