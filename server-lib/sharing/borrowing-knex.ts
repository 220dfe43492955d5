import type { Knex } from 'knex'
import { makeKnex, quietLog } from '../engines/make-knex.ts'
import { inUnit } from './borrowed-unit.ts'
import type { LentConnection } from './lent-connection.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown
type Dialect = new (config: Knex.Config) => object

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
  return makeKnex('borrowed', {
    client: dialectOn(Postgres),
    connectionPool: {
      acquire: () => ({ promise: lend() }),
      release: (connection: LentConnection) => connection.giveBack(),
      destroy: () => Promise.resolve(),
      numFree: () => 0,
      numUsed: () => 1,
      numPendingAcquires: () => 0,
    },
    compileSqlOnError: false,
    log: quietLog,
    version: '18.0',
  } as unknown as Knex.Config)
}

const dialects = new WeakMap<Dialect, Dialect>()

function dialectOn(Postgres: Dialect): Dialect {
  const known = dialects.get(Postgres)
  if (known) return known
  const { transaction } = Postgres.prototype as { transaction: Method }
  const BorrowingDialect = class extends Postgres {}
  Object.assign(BorrowingDialect.prototype, {
    transacting: true,
    // Everything that is called within it belongs to it, a statement of the host's as well.
    transaction(this: unknown, ...args: unknown[]) {
      return inUnit(() => Reflect.apply(transaction, this, args))
    },
    /** knex would open a connection for it, which it has no settings for. */
    cancelQuery: (connection: LentConnection) => connection.cancel(),
  })
  dialects.set(Postgres, BorrowingDialect)
  return BorrowingDialect
}
