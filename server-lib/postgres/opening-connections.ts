import type { DriverConnection } from './driver.ts'
import { followStatus } from './transaction-status.ts'

/** The part of knex's client that makes connections. */
export interface DriverOwner {
  driver?: { readonly Client: new (...args: unknown[]) => DriverConnection }
}

/**
 * Keeps the connections that a knex of our own is opening. Its pool reports a connection only once it is ready, and a
 * server that accepts and then stays silent would keep the process alive until the connect timeout.
 */
export function keepOpening(owner: DriverOwner): ReadonlySet<DriverConnection> {
  const opening = new Set<DriverConnection>()
  const { driver } = owner
  if (!driver) return opening
  class Client extends driver.Client {
    constructor(...args: unknown[]) {
      super(...args)
      opening.add(this)
      // Knex sends on it before the pool reports it.
      followStatus(this)
      const done = () => {
        opening.delete(this)
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
