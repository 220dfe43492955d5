import type { HostConnection } from '../host-connection.ts'
import { ENDED, PostgresJsConnection } from '../postgres-js/postgres-js-connection.ts'
import { wireOf, type PostgresSql, type Reserved } from '../postgres-js/postgres-sql.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { lentDuring } from '../tenure.ts'

export type { PostgresSql } from '../postgres-js/postgres-sql.ts'

const known = new WeakMap<PostgresSql, Promise<PostgresJsConnection>>()
/** One for each transaction or reservation, whichever `sql` inside it was passed. */
const connections = new WeakMap<Reserved, PostgresJsConnection>()

/**
 * Resolves to the connection of a transaction of postgres.js: `borrow({ connection: () => connectionOf(sql) })`, with
 * the `sql` that begin() or savepoint() passes to its function, or the one from reserve(). It is not a client of pg but
 * is used like one: values are sent and read as pg does it, so borrowers get the same types from every host. A
 * statement that fails there does not fail begin(). Rejects with EL_LEASE_ENDED once the transaction is over or the
 * connection released, and with EL_NO_HOST_CONNECTION for any other `sql`.
 */
export async function connectionOf(sql: PostgresSql): Promise<HostConnection> {
  if (typeof (sql as unknown) !== 'function' || typeof sql.unsafe !== 'function')
    throw noHostConnection('connectionOf() was given no sql of postgres.js')
  // The `sql` of the whole pool.
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
  // While a savepoint of ours is open, our own function is in its place.
  const reserved = wire.reserved.instead ?? wire.reserved
  let connection = connections.get(reserved)
  if (!connection) {
    connection = new PostgresJsConnection(sql, wire, reserved, pid)
    connections.set(reserved, connection)
  }
  return connection
}
