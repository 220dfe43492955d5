import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { lentDuring } from '../tenure.ts'

/** A transaction of Sequelize. */
export interface SequelizeTransaction {
  commit(): Promise<void>
  rollback(): Promise<void>
  afterCommit(fn: (...args: any[]) => any): void
}

/** An instance of Sequelize, asked for the running code's CLS transaction. */
export interface SequelizeInstance {
  transaction(...args: any[]): any
  getQueryInterface(): unknown
}

/** What we read of a transaction that Sequelize's types do not expose. */
interface Transaction {
  readonly finished?: string
  readonly parent?: Transaction | null
  readonly connection?: (HostConnection & { uuid?: string }) | null
}

/**
 * The client that a transaction of Sequelize (6) runs on: `connection: () => connectionOf(transaction)`, or `() =>
 * connectionOf(sequelize)` for the current one of its CLS. Throws EL_LEASE_ENDED once the transaction is finished, and
 * EL_NO_HOST_CONNECTION where there is none.
 */
export function connectionOf(host: SequelizeTransaction | SequelizeInstance): HostConnection {
  const transaction = transactionOf(host)
  const client = transaction.connection
  const ended = ending(transaction)
  if (ended !== undefined) throw leaseEnded(client?.processID ?? null, ended)
  if (!client) throw noHostConnection('the transaction of Sequelize has not begun yet')
  // Its pool has no event for a release.
  const { uuid } = client
  return lentDuring(
    client,
    () => ending(transaction) ?? (client.uuid === uuid ? undefined : 'Sequelize has released it'),
  )
}

function ending({ finished, parent }: Transaction): string | undefined {
  if (finished) return `the transaction of Sequelize is finished (${finished})`
  return parent ? ending(parent) : undefined
}

function transactionOf(host: object): Transaction {
  if (typeof host !== 'object' || host === null || !('getQueryInterface' in host)) {
    if (host && 'afterCommit' in host) return host as Transaction
    throw noHostConnection('connectionOf() was given something that is no transaction of Sequelize')
  }
  const { _cls } = host.constructor as { _cls?: { get(name: string): Transaction | undefined } }
  if (!_cls)
    throw noHostConnection(
      'connectionOf() was given Sequelize without CLS: give a transaction, or call Sequelize.useCLS(namespace) before',
    )
  const current = _cls.get('transaction')
  if (!current) throw noHostConnection('Sequelize has no transaction in this context')
  return current
}
