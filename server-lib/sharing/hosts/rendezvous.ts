import type { HostConnection } from '../host-connection.ts'
import { hostTransactionFailed, noHostConnection } from '../sharing-errors.ts'

/** What we use of a pg.Pool: its events. */
export interface WatchablePool {
  on(event: 'acquire' | 'release', listener: (...args: any[]) => void): unknown
}

interface CheckedOut {
  readonly client: HostConnection
  readonly pool: WatchablePool
}

const watched = new WeakSet<WatchablePool>()
/** The clients checked out now, by the process id of their backend: two servers may have the same one. */
const checkedOut = new Map<number, CheckedOut[]>()

/**
 * Keeps track of which clients of a pg.Pool are checked out, so that a transaction's client can be found by its backend
 * where the library on top hides it. Adds two listeners to the pool, and nothing to its clients. Call it before the
 * pool is used; it returns the pool. Throws EL_NO_HOST_CONNECTION for anything but a pg.Pool.
 */
export function watchPool<P extends WatchablePool>(pool: P): P {
  if (typeof pool !== 'object' || pool === null || typeof pool.on !== 'function' || !('totalCount' in pool))
    throw noHostConnection('watchPool() was given something that is no pg.Pool')
  if (watched.has(pool)) return pool
  watched.add(pool)
  pool.on('acquire', (client: HostConnection) => {
    const { processID: pid } = client
    if (typeof pid === 'number') checkedOut.set(pid, [...without(pid, client), { client, pool }])
  })
  pool.on('release', (_error: unknown, client: HostConnection) => {
    const { processID: pid } = client
    if (typeof pid !== 'number') return
    const others = without(pid, client)
    if (others.length > 0) checkedOut.set(pid, others)
    else checkedOut.delete(pid)
  })
  return pool
}

function without(pid: number, client: HostConnection): CheckedOut[] {
  return (checkedOut.get(pid) ?? []).filter(one => one.client !== client)
}

export const ASK_PID = 'select pg_backend_pid() as pid'

/**
 * Finds the client that a host's transaction runs on: `ask` has the host send `ASK_PID` in it and resolves to the
 * answer. `pool` decides if two watched pools have a backend of that process id checked out. Rejects with
 * EL_NO_HOST_CONNECTION, and with EL_HOST_TRANSACTION_FAILED where the transaction takes no statement any more.
 */
export async function rendezvous(
  ask: () => Promise<unknown>,
  { host, pool }: { host: string; pool?: WatchablePool | undefined },
): Promise<HostConnection> {
  if (pool && !watched.has(pool)) throw noHostConnection(`the pool given is not watched. ${advice(host)}`)
  const pid = Number(await ask().catch(asFailed))
  const found = (checkedOut.get(pid) ?? []).filter(one => pool === undefined || one.pool === pool)
  const [only, another] = found
  if (!only)
    throw noHostConnection(
      `no client that is out of a watched pool is on backend ${pid}, where the transaction of ${host} runs. ${advice(host)}`,
    )
  if (another)
    throw noHostConnection(
      `${found.length} clients of watched pools are on a backend ${pid}, each of another server. ` +
        'Say which pool is meant: connectionOf(transaction, { pool })',
    )
  return only.client
}

const advice = (host: string) =>
  `Give ${host} a pg.Pool that is watched before its first use: watchPool(new pg.Pool(…)); ` +
  'through a proxy such as PgBouncer a client does not know its backend'

function asFailed(cause: unknown): never {
  const isAborted = (cause as { code?: unknown } | null)?.code === '25P02'
  throw isAborted ? hostTransactionFailed(null) : cause
}
