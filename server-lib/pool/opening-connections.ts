import type { DriverConnection } from '../postgres/driver.ts'
import { followStatus } from '../postgres/transaction-status.ts'

/** Knex's client, by what makes its connections. */
export interface DriverOwner {
  driver?: { readonly Client: new (...args: unknown[]) => DriverConnection }
}

/**
 * Keeps the connections that a knex of our own is opening: its pool tells of one only when it is there, and a server
 * that accepts and then says nothing would keep the process for as long as it may take to connect.
 */
export function keepOpening(owner: DriverOwner): ReadonlySet<DriverConnection> {
  const opening = new Set<DriverConnection>()
  const { driver } = owner
  if (!driver) return opening
  class Client extends driver.Client {
    constructor(...args: unknown[]) {
      super(...args)
      opening.add(this)
      // Knex sends on it before we are told that it is there.
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
