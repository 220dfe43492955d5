import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { lentDuring } from '../tenure.ts'

/** What we use of a transaction of knex; Objection's are these too, and MikroORM's up to 6. */
export interface KnexTransaction {
  readonly isTransaction?: boolean
  isCompleted(): boolean
  readonly client: { acquireConnection(): Promise<any> }
}

/**
 * Resolves to the client that a transaction of knex or Objection runs on, nested ones too:
 * `borrow({ connection: () => connectionOf(trx) })`. Rejects with EL_LEASE_ENDED once the transaction is committed or
 * rolled back, and with EL_NO_HOST_CONNECTION for anything but a transaction.
 */
export async function connectionOf(trx: KnexTransaction): Promise<HostConnection> {
  // A knex is a function.
  if (typeof (trx as unknown) !== 'function' || typeof trx.client?.acquireConnection !== 'function') {
    throw noHostConnection(
      'connectionOf() was given no transaction of knex: give the trx. For models that are bound to one, Model.knex() is it. A transaction provider has to be called first',
    )
  }
  // A knex itself would check one out of its pool.
  if (trx.isTransaction !== true || typeof trx.isCompleted !== 'function') {
    throw noHostConnection(
      'connectionOf() was given a knex, and each of its statements may run on another connection: give the transaction that knex.transaction() hands out',
    )
  }
  const over = () => (trx.isCompleted() ? ENDED : undefined)
  // Nothing to release: a transaction has one connection, and gives it to all callers.
  const client = over() === undefined ? ((await trx.client.acquireConnection()) as HostConnection) : undefined
  const why = over()
  if (!client || why !== undefined) throw leaseEnded(client?.processID ?? null, why ?? ENDED)
  return lentDuring(client, over)
}

const ENDED = 'the host has committed or rolled back its knex transaction'
