import type { HostConnection } from '../host-connection.ts'
import { ENDED, PostgresJsConnection } from '../postgres-js/postgres-js-connection.ts'
import { wireOf, type PostgresSql, type Reserved } from '../postgres-js/postgres-sql.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { lentDuring } from '../tenure.ts'

export type { PostgresSql } from '../postgres-js/postgres-sql.ts'

const known = new WeakMap<PostgresSql, Promise<PostgresJsConnection>>()
/** One for each transaction or reservation, whichever `sql` within it was given. */
const connections = new WeakMap<Reserved, PostgresJsConnection>()

/**
 * Gives the connection of a transaction of postgres.js: `borrow({ connection: () => connectionOf(sql) })`, with the `sql` that begin()
 * or savepoint() hands to its function, or that of reserve(). It is no client of pg, and is used like one: values are sent
 * and read as pg does it, so what borrows gets the same types from every host. A statement that fails there does not fail begin(). Rejects
 * with EL_LEASE_ENDED once the transaction is over or the connection given back, and EL_NO_HOST_CONNECTION for what is neither.
 */
export async function connectionOf(sql: PostgresSql): Promise<HostConnection> {
  if (typeof (sql as unknown) !== 'function' || typeof sql.unsafe !== 'function')
    throw noHostConnection('connectionOf() was given no sql of postgres.js')
  // The one of the whole pool.
  if (typeof (sql as { begin?: unknown }).begin === 'function') {
    throw noHostConnection(
      'connectionOf() was given the sql of a pool, and each of its statements may run on another connection: give the one that begin() hands to its function, or reserve()',
    )
  }
  let finding = known.get(sql)
  if (!finding) {
    known.set(sql, (finding = find(sql)))
    finding.catch(() => known.delete(sql))
  }
  const connection = await finding
  if (connection.isOver) throw leaseEnded(connection.processID, ENDED)
  connection.sql = sql
  return lentDuring(connection, () => (connection.isOver ? ENDED : undefined))
}

async function find(sql: PostgresSql): Promise<PostgresJsConnection> {
  const found = await wireOf(sql).catch((cause: unknown) => {
    throw noHostConnection('the connection of postgres.js is lost', cause)
  })
  if (!found || typeof found.wire.execute !== 'function')
    throw noHostConnection('this postgres.js does not show its connection: version 3.4 does')
  const { wire, pid } = found
  if (!wire.reserved) throw leaseEnded(pid, ENDED)
  // While a savepoint of ours is open something of ours stands there.
  const reserved = wire.reserved.instead ?? wire.reserved
  let connection = connections.get(reserved)
  if (!connection) {
    connection = new PostgresJsConnection(sql, wire, reserved, pid)
    connections.set(reserved, connection)
  }
  return connection
}
