import type { Knex } from 'knex'
import { hostDatabase } from '../engines/database.ts'
import { makeKnex, quietLog } from '../engines/make-knex.ts'
import { onPool, poolOfOne, transactingDialects, type Dialect } from '../engines/transacting-knex.ts'
import { inUnit } from './borrowed-unit.ts'
import type { LentConnection } from './lent-connection.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown

/** Where a borrowing knex gets its connections. */
export interface Lender {
  lend(): Promise<LentConnection>
}

/**
 * A knex on a host's connections. Its dialect has `transacting` set, so that `transaction()` sends SAVEPOINT instead of
 * BEGIN. It never asks for the server's version; `destroy()` does nothing.
 */
export function borrowingKnex({ lend }: Lender): Knex {
  const { builderConfig } = hostDatabase()
  const { constructor: base } = makeKnex('borrowed', builderConfig).client as { constructor: Dialect }
  const pool = poolOfOne(lend, connection => connection.giveBack())
  const knex = makeKnex('borrowed', {
    ...builderConfig,
    client: dialectOn(base),
    connectionPool: pool,
    compileSqlOnError: false,
    log: quietLog,
  } as unknown as Knex.Config)
  return onPool(knex, pool)
}

const dialectOn = transactingDialects(base => {
  const { transaction } = base.prototype as { transaction: Method }
  return {
    // All code called within it belongs to it, statements of the host included.
    transaction(...args) {
      return inUnit(() => Reflect.apply(transaction, this, args))
    },
    /** knex would open a connection for this, for which it has no settings. */
    cancelQuery: connection => (connection as LentConnection).cancel(),
  }
})
