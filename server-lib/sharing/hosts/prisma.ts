import type { HostConnection } from '../host-connection.ts'
import { hostTransactionFailed, leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, RELEASED, releaseOf } from '../tenure.ts'
import { ASK_PID, rendezvous, type WatchablePool } from './rendezvous.ts'

export { watchPool } from './rendezvous.ts'

/** What we use of an interactive transaction of Prisma. */
export interface PrismaTransaction {
  $queryRawUnsafe(query: string, ...values: any[]): PromiseLike<unknown>
}

interface Found {
  readonly client: HostConnection
  readonly release: unknown
}

const found = new WeakMap<PrismaTransaction, Promise<Found>>()

/**
 * Resolves to the client that an interactive transaction of Prisma runs on:
 * `borrow({ connection: () => connectionOf(tx) })`. Prisma hides it, so it is found by its backend's process id, with
 * one statement of Prisma for each transaction. The pool must have been given both to `watchPool` and to
 * `new PrismaPg(pool)`. Rejects with EL_LEASE_ENDED once the transaction is over (by its `timeout` as well),
 * EL_HOST_TRANSACTION_FAILED where it takes no statement any more, and EL_NO_HOST_CONNECTION for anything but a
 * transaction.
 */
export async function connectionOf(
  tx: PrismaTransaction,
  options: { pool?: WatchablePool } = {},
): Promise<HostConnection> {
  if (typeof tx !== 'object' || tx === null || typeof tx.$queryRawUnsafe !== 'function')
    throw noHostConnection('connectionOf() was given no transaction client of Prisma')
  // The client of a transaction has neither.
  if (typeof (tx as { $disconnect?: unknown }).$disconnect === 'function') {
    throw noHostConnection(
      'connectionOf() was given a PrismaClient, and each of its statements may run on another connection: give the tx of $transaction(async tx => …)',
    )
  }
  let finding = found.get(tx)
  if (!finding) {
    found.set(tx, (finding = find(tx, options.pool)))
    finding.catch(() => found.delete(tx))
  }
  const { client, release } = await finding
  if (isReleased(client, release)) throw leaseEnded(client.processID ?? null, RELEASED)
  return client
}

async function find(tx: PrismaTransaction, pool: WatchablePool | undefined): Promise<Found> {
  const client = await rendezvous(() => pidOf(tx), { host: 'Prisma', pool })
  return { client, release: releaseOf(client) }
}

async function pidOf(tx: PrismaTransaction): Promise<unknown> {
  try {
    const [row] = (await tx.$queryRawUnsafe(ASK_PID)) as { pid: unknown }[]
    return row?.pid
  } catch (cause) {
    const { code, meta } = cause as { code?: unknown; meta?: Meta }
    if (code === 'P2028') throw leaseEnded(null, 'the transaction of Prisma is over', cause)
    if (meta?.driverAdapterError?.cause?.originalCode === '25P02') throw hostTransactionFailed(null)
    throw cause
  }
}

interface Meta {
  driverAdapterError?: { cause?: { originalCode?: unknown } }
}
