import type { Knex } from 'knex'
import { databaseOfClient } from '../engines/database.ts'
import { knexFactory } from '../engines/make-knex.ts'
import { onPool, poolOfOne, transactingDialects, type Dialect } from '../engines/transacting-knex.ts'
import { ownTransactions } from './knex-transactions.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'
import type { Unit } from './units/unit.ts'

const dialectOf = transactingDialects(
  base => databaseOfClient(base.name, base.prototype as object)?.knexMethods ?? {},
)

/**
 * A complete knex whose pool is the session. Its dialect says `transacting`, so knex sends SAVEPOINT where it would
 * send BEGIN, and never COMMIT. `destroy()` on it does nothing. With `unit`, its statements belong to that unit.
 */
export function boundKnex(session: SessionCore, unit?: Unit): Knex {
  const engineClient = session.engine.knex.client as {
    constructor: Dialect
    config: Knex.Config
    version?: string
  }
  const factory = knexFactory(session.engine.name)
  const { connection: _connection, pool: _pool, client: _client, ...config } = engineClient.config
  const pool = poolOfOne(
    () => Promise.resolve(new SessionConnection(session, null, unit)),
    () => true,
  )
  const knex = factory({
    ...config,
    client: dialectOf(engineClient.constructor),
    connectionPool: pool,
    compileSqlOnError: false,
    version: engineClient.version ?? databaseOfClient('', engineClient)?.builderConfig.version,
  } as unknown as Knex.Config)
  onPool(knex, pool)
  ownTransactions(knex as never, session, unit)
  return knex
}
