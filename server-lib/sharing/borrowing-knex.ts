import type { Knex } from 'knex'
import { makeKnex, quietLog } from '../engines/make-knex.ts'
import { onPool, poolOfOne, transactingDialects, type Dialect } from '../engines/transacting-knex.ts'
import { inUnit } from './borrowed-unit.ts'
import type { LentConnection } from './lent-connection.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown

/** Where a borrowing knex gets its connections from. */
export interface Lender {
  lend(): Promise<LentConnection>
}

/**
 * A knex on connections of a host. Its dialect says `transacting`, so that `transaction()` sends SAVEPOINT where it would send
 * BEGIN. It never asks for the server's version; `destroy()` touches nothing.
 */
export function borrowingKnex({ lend }: Lender): Knex {
  const Postgres = (makeKnex('borrowed', { client: 'pg' }).client as { constructor: Dialect }).constructor
  const pool = poolOfOne(lend, connection => connection.giveBack())
  const knex = makeKnex('borrowed', {
    client: dialectOn(Postgres),
    connectionPool: pool,
    compileSqlOnError: false,
    log: quietLog,
    version: '18.0',
  } as unknown as Knex.Config)
  return onPool(knex, pool)
}

const dialectOn = transactingDialects(base => {
  const { transaction } = base.prototype as { transaction: Method }
  return {
    // Everything that is called within it belongs to it, a statement of the host's as well.
    transaction(...args) {
      return inUnit(() => Reflect.apply(transaction, this, args))
    },
    /** knex would open a connection for it, which it has no settings for. */
    cancelQuery: connection => (connection as LentConnection).cancel(),
  }
})
