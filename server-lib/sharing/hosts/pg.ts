import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, RELEASED, releaseOf } from '../tenure.ts'

/**
 * Returns a function that gives the client for as long as it is checked out:
 * `borrow({ connection: connectionOf(client) })`, or kept in an AsyncLocalStorage for one borrow per application. Once
 * the client is released that function throws EL_LEASE_ENDED, even if it is checked out again. Throws
 * EL_NO_HOST_CONNECTION for anything but a client.
 */
export function connectionOf<Client extends HostConnection>(client: Client): () => Client {
  if (typeof client !== 'object' || client === null || typeof client.query !== 'function')
    throw noHostConnection('connectionOf() was given something without a query() method')
  if ('totalCount' in client)
    throw noHostConnection('connectionOf() was given a pool: give what pool.connect() resolves to')
  const release = releaseOf(client)
  return () => {
    if (isReleased(client, release)) throw leaseEnded(client.processID ?? null, RELEASED)
    return client
  }
}
