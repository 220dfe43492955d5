import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, RELEASED, releaseOf } from '../tenure.ts'

/** What we read of a transaction of Drizzle on node-postgres, or of `drizzle(client)`. */
export interface DrizzleTransaction {
  readonly _: { readonly session: object }
}

/**
 * Drizzle does not say when a transaction is over. The end of the check-out on which it (or a database on a client) was
 * first seen does.
 */
const checkOuts = new WeakMap<DrizzleTransaction, { release: unknown }>()

/**
 * The client that a transaction of Drizzle (0.45, node-postgres), or a `drizzle(client)`, runs on:
 * `connection: () => connectionOf(tx)`. The first call binds it to its check-out, so make that call while the check-out
 * lasts. Throws EL_LEASE_ENDED once the client is released, and EL_NO_HOST_CONNECTION for a database on a pool.
 */
export function connectionOf(transaction: DrizzleTransaction): HostConnection {
  const session = transaction?._?.session as { client?: unknown } | undefined
  const client = session?.client
  if (!isClient(client))
    throw noHostConnection(
      'connectionOf() was given something that is no transaction of Drizzle on node-postgres: give the one that db.transaction(fn) hands over',
    )
  if ('totalCount' in client)
    throw noHostConnection(
      'connectionOf() was given a database of Drizzle on a pool, and each of its statements may run on another connection: give the transaction that db.transaction(fn) hands over',
    )
  let checkOut = checkOuts.get(transaction)
  if (!checkOut) checkOuts.set(transaction, (checkOut = { release: releaseOf(client) }))
  if (isReleased(client, checkOut.release)) throw leaseEnded(client.processID ?? null, RELEASED)
  return client
}

function isClient(client: unknown): client is HostConnection {
  return typeof client === 'object' && client !== null && 'query' in client
}
