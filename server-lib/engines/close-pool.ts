import type { CheckoutHolder } from '../channels/errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { ConnectionRecord } from '../pool/records.ts'
import type { ClosingTime } from './closing-time.ts'

/** How often to check whether a connection has come back that nothing else would close. */
const LOOK_MS = 10
/** How long an unused pool may take to close its connections: over a silent network that takes for ever. */
const GOODBYE_MS = 250

/**
 * Closes a pool within the given time. knex.destroy() and pool.end() wait for ever for a held connection, and close no
 * idle one until then. So after the grace every connection is ended here: its statement is cancelled, and it sends
 * Terminate, so that the server does not count a lost client. A connection held by a session is ended by the session.
 * Connections still open when the time is over are cut. Resolves to the holders outside sessions that were left after
 * the grace.
 */
export async function closePool(pool: Pool, time: ClosingTime): Promise<CheckoutHolder[]> {
  const state = { isClosed: false }
  const close = async () => {
    // A pool that rejects was closed elsewhere; its connections must be closed all the same.
    await pool.destroy().catch(() => {})
    await pool.connections.closed()
    state.isClosed = true
  }
  const closed = close()
  let usedAt = performance.now()
  const isSilent = () => performance.now() - usedAt > GOODBYE_MS
  const aMoment = async () => {
    await Promise.race([closed, sleep(LOOK_MS)])
    if (pool.books.isInUse) usedAt = performance.now()
  }
  while (!state.isClosed && !time.isGraceOver && !isSilent()) await aMoment()
  const held = pool.books.holders().filter(({ session }) => session === null)
  const seen = new Set<ConnectionRecord>()
  while (pool.connections.size > 0 && !time.isOver && !isSilent()) {
    for (const record of pool.books.connections) {
      if (seen.has(record) || record.checkout?.session) continue
      seen.add(record)
      endPolitely(record, time.over)
    }
    await aMoment()
  }
  if (!state.isClosed) {
    pool.cut()
    // The pool now ends by itself, in a few turns of the event loop: until then knex still lets callers wait for a
    // connection.
    await Promise.race([closed, sleep(2 * LOOK_MS)])
  }
  return held
}

function endPolitely(record: ConnectionRecord, over: Promise<void>): void {
  const { driver } = record
  record.discarded ??= 'cut at close'
  // Its holder may have no listener, and an unhandled error ends the process.
  driver.on('error', () => {})
  if (driver.isReady) return driver.end()
  // In the very turn in which the server becomes ready again, before the holder can send anything more.
  driver.onReady(isOpen => isOpen && driver.end())
  void driver.cancel(over)
}

const sleep = (ms: number) => new Promise<void>(resolve => void setTimeout(resolve, ms))
