import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, lentDuring, RELEASED, releaseOf } from '../tenure.ts'
import { connectionOf as connectionOfKnex, type KnexTransaction } from './knex.ts'
import { ASK_PID, rendezvous, type WatchablePool } from './rendezvous.ts'

export { watchPool } from './rendezvous.ts'

/** What we use of MikroORM's EntityManager. */
export interface TransactionalEntityManager {
  getTransactionContext(): any
  /** The EntityManager that it stands for in this context. */
  getContext?(validate?: boolean): object
  /** On the SQL drivers. Used from MikroORM 7 on, to ask for the backend. */
  execute?(query: string): Promise<unknown>
}

/** A transaction of Kysely, on which MikroORM is built from 7 on. */
interface KyselyTransaction {
  readonly isTransaction: true
  readonly isCommitted?: boolean
  readonly isRolledBack?: boolean
}

interface Found {
  readonly client: HostConnection
  readonly release: unknown
}

const found = new WeakMap<object, Promise<Found>>()
/** Objects that have had a transaction which was borrowed from. */
const known = new WeakSet<object>()

/**
 * Resolves to the client that an EntityManager's open transaction runs on:
 * `borrow({ connection: () => connectionOf(em) })`. Takes the `em` of `em.transactional(…)`, or any that MikroORM
 * resolves to it. Sees what has been flushed. MikroORM up to 6 gives the client directly. From 7 on it is found by its
 * backend's process id, with one statement for each transaction, in a watched pg.Pool
 * (`driverOptions: { onPoolCreated: watchPool }`). Rejects with EL_LEASE_ENDED once the transaction is over, and
 * EL_NO_HOST_CONNECTION where none is open.
 */
export async function connectionOf(
  em: TransactionalEntityManager,
  options: { pool?: WatchablePool } = {},
): Promise<HostConnection> {
  if (typeof em !== 'object' || em === null || typeof em.getTransactionContext !== 'function')
    throw noHostConnection('connectionOf() was given no EntityManager of MikroORM')
  const context: unknown = em.getTransactionContext()
  const self = em.getContext?.(false) ?? em
  if (context === undefined || context === null) {
    if (known.has(self)) throw leaseEnded(null, ENDED)
    throw noHostConnection(
      'the EntityManager has no transaction open here: give the one of em.transactional(async em => …), or call em.begin() first',
    )
  }
  known.add(self)
  if (typeof context === 'function') return connectionOfKnex(context as unknown as KnexTransaction)
  return connectionOfKysely(em, context as KyselyTransaction, options.pool)
}

const ENDED = 'MikroORM has ended its transaction'

async function connectionOfKysely(
  em: TransactionalEntityManager,
  context: KyselyTransaction,
  pool: WatchablePool | undefined,
): Promise<HostConnection> {
  const over = () => (context.isCommitted || context.isRolledBack ? ENDED : undefined)
  let finding = found.get(context)
  if (!finding) {
    found.set(context, (finding = find(em, pool)))
    finding.catch(() => found.delete(context))
  }
  const { client, release } = await finding
  const why = over() ?? (isReleased(client, release) ? RELEASED : undefined)
  if (why !== undefined) throw leaseEnded(client.processID ?? null, why)
  return lentDuring(client, over)
}

async function find(em: TransactionalEntityManager, pool: WatchablePool | undefined): Promise<Found> {
  const ask = async () => {
    if (!em.execute) throw noHostConnection('the EntityManager has no execute(): it is not one for SQL')
    const [row] = (await em.execute(ASK_PID)) as { pid: unknown }[]
    return row?.pid
  }
  const client = await rendezvous(ask, { host: 'MikroORM', pool })
  return { client, release: releaseOf(client) }
}
