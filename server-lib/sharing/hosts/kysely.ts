import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, RELEASED, releaseOf } from '../tenure.ts'
import { ASK_PID, rendezvous, type WatchablePool } from './rendezvous.ts'

export { watchPool, type WatchablePool } from './rendezvous.ts'

/** What we use of a transaction of Kysely. */
export interface KyselyTransaction {
  readonly isTransaction: boolean
  getExecutor(): { provideConnection(use: (connection: any) => Promise<any>): Promise<any> }
}

interface KyselyConnection {
  executeQuery(query: object): Promise<{ rows: { pid: number }[] }>
}

export interface KyselyOptions {
  /** Which watched pool it is on. Needed if several pools are watched whose servers may have the same process ids. */
  pool?: WatchablePool
}

/** Kysely keeps one object for each client, and one for each transaction. */
const clients = new WeakMap<KyselyConnection, HostConnection>()
const checkOuts = new WeakMap<KyselyTransaction, { client: HostConnection; release: unknown }>()

/**
 * Resolves to the client that a transaction of Kysely (0.28, 0.29; PostgresDialect) runs on:
 * `connection: () => connectionOf(trx)`. Kysely hides the client, so its pool must be watched:
 * `new PostgresDialect({ pool: watchPool(new pg.Pool(…)) })`. The first call on each client sends one statement,
 * `select pg_backend_pid()`. Rejects with EL_LEASE_ENDED once the transaction is over, and with EL_NO_HOST_CONNECTION
 * for anything but a transaction or on a pool that is not watched.
 */
export async function connectionOf(
  transaction: KyselyTransaction,
  options: KyselyOptions = {},
): Promise<HostConnection> {
  if (typeof transaction?.getExecutor !== 'function' || !transaction.isTransaction)
    throw noHostConnection(
      'connectionOf() was given something that is no transaction of Kysely: give the one that db.transaction().execute(fn) hands over, or startTransaction().execute() resolves to',
    )
  const known = checkOuts.get(transaction)
  if (known && isReleased(known.client, known.release))
    throw leaseEnded(known.client.processID ?? null, RELEASED)
  const found = provide(transaction, connection => clientOf(connection, options))
  if (known) {
    // Rejects at once if the transaction is over, and otherwise waits for the host's own statements, which is not
    // needed here.
    found.catch(() => {})
    return known.client
  }
  const client = await found
  checkOuts.set(transaction, { client, release: releaseOf(client) })
  return client
}

/** Kysely gives no connection through a transaction that is over. */
function provide(
  transaction: KyselyTransaction,
  use: (connection: KyselyConnection) => Promise<HostConnection>,
): Promise<HostConnection> {
  let isProvided = false
  const asEnded = (cause: unknown): never => {
    throw isProvided ? cause : leaseEnded(null, 'the transaction of Kysely is over', cause)
  }
  try {
    return transaction
      .getExecutor()
      .provideConnection(connection => {
        isProvided = true
        return use(connection)
      })
      .catch(asEnded)
  } catch (cause) {
    return asEnded(cause)
  }
}

async function clientOf(connection: KyselyConnection, { pool }: KyselyOptions): Promise<HostConnection> {
  const known = clients.get(connection)
  if (known) return known
  const client = await rendezvous(
    async () => {
      const { rows } = await connection.executeQuery(ASK)
      return rows[0]?.pid
    },
    { host: 'Kysely', pool },
  )
  clients.set(connection, client)
  return client
}

const ASK = {
  sql: ASK_PID,
  parameters: [],
  query: { kind: 'RawNode', sqlFragments: [ASK_PID], parameters: [] },
  queryId: { queryId: 'enginelight' },
}
