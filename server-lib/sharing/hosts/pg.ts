import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { isReleased, RELEASED, releaseOf } from '../tenure.ts'

/**
 * Gives the client for as long as it is checked out: `borrow({ connection: connectionOf(client) })`, or kept in an
 * AsyncLocalStorage for one borrow per application. Once the client is released the function throws EL_LEASE_ENDED, whoever has
 * it then. Throws EL_NO_HOST_CONNECTION for what is no client.
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
