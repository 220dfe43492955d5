import type { Knex } from 'knex'
import { createRequire } from 'node:module'
import { poolOfOne, transactingDialects, type Dialect } from '../engines/transacting-knex.ts'
import { inTurn, runInside } from './savepoints.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'

const load = createRequire(import.meta.url)
const dialectOf = transactingDialects()

/**
 * A complete knex on a session: its pool is the session. Its dialect says `transacting`, so knex sends SAVEPOINT
 * where it would send BEGIN and never COMMIT. `destroy()` on it touches nothing.
 */
export function boundKnex(session: SessionCore): Knex {
  const engineClient = session.engine.knex.client as {
    constructor: Dialect
    config: Knex.Config
    version?: string
  }
  const factory = load('knex') as (config: Knex.Config) => Knex
  const { connection: _connection, pool: _pool, client: _client, ...config } = engineClient.config
  const knex = factory({
    ...config,
    client: dialectOf(engineClient.constructor),
    connectionPool: poolOfOne(
      () => Promise.resolve(new SessionConnection(session, null)),
      () => true,
    ),
    compileSqlOnError: false,
    version: engineClient.version ?? '18.0',
  } as unknown as Knex.Config)
  const client = knex.client as { transaction(...args: unknown[]): unknown }
  const transaction = client.transaction.bind(client)
  client.transaction = (...args) => {
    session.requireTransactions('knex.transaction()')
    return transaction(...args)
  }
  takeTurns(knex, session)
  return knex
}

/** Transactions side by side run one after the other, as savepoints do: interleaved each would end with what is in the other. */
function takeTurns(knex: Knex, session: SessionCore): void {
  const transaction = knex.transaction.bind(knex) as (...args: unknown[]) => Promise<unknown>
  const inOrder = (fn: unknown, ...config: unknown[]) => {
    session.entersKnexTransaction()
    return typeof fn === 'function'
      ? inTurn([session], open =>
          transaction((trx: unknown) => runInside(open, () => fn(trx) as unknown), ...config),
        )
      : transaction(fn, ...config)
  }
  Object.defineProperty(knex, 'transaction', { value: inOrder, configurable: true, writable: true })
}
