import type { DriverConnection } from '../dialect/connection.ts'
import type { PgClient } from './driver.ts'

/** The part of knex's client that makes connections. */
export interface DriverOwner {
  driver?: { readonly Client: new (...args: unknown[]) => PgClient }
}

/**
 * Keeps the connections that a knex of our own is opening. Its pool reports a connection only once it is ready, and a
 * server that accepts and then stays silent would keep the process alive until the connect timeout.
 */
export function keepOpening(
  owner: DriverOwner,
  connectionOf: (client: PgClient) => DriverConnection,
): ReadonlySet<DriverConnection> {
  const opening = new Set<DriverConnection>()
  const { driver } = owner
  if (!driver) return opening
  class Client extends driver.Client {
    constructor(...args: unknown[]) {
      super(...args)
      const driver = connectionOf(this)
      opening.add(driver)
      // Knex sends on it before the pool reports it.
      driver.followStatus()
      const done = () => {
        opening.delete(driver)
        this.removeListener('connect', done)
        this.removeListener('end', done)
      }
      this.on('connect', done)
      this.on('end', done)
    }
  }
  owner.driver = Object.create(driver, { Client: { value: Client } }) as typeof driver
  return opening
}
