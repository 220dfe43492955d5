import type { CheckoutHolder } from '../channels/errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { ConnectionRecord } from '../pool/records.ts'
import { cancelStatement } from '../postgres/cancel.ts'
import type { ClosingTime } from './closing-time.ts'

/** How often to look whether a connection has come back that nobody else would close. */
const LOOK_MS = 10
/** How long a pool that nobody uses may take to say goodbye: over a network that is silent it takes for ever. */
const GOODBYE_MS = 250

/**
 * Closes a pool within the time given. knex.destroy() and pool.end() wait for ever for a connection that is held, and
 * until then close no idle one; so after the grace every connection is ended here: what runs on it is cancelled, and it
 * says goodbye, so that the server does not count a client that was lost. One that a session holds is the session's to
 * end. Whatever has not answered when the time is over is cut. Resolves with those outside of sessions who held one.
 */
export async function closePool(pool: Pool, time: ClosingTime): Promise<CheckoutHolder[]> {
  const state = { isClosed: false }
  const close = async () => {
    // One that refuses was closed by somebody else; its connections have to be closed all the same.
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
    // The pool now ends by itself, in a few turns: until then knex lets others wait for a connection.
    await Promise.race([closed, sleep(2 * LOOK_MS)])
  }
  return held
}

function endPolitely(record: ConnectionRecord, over: Promise<void>): void {
  const { driver } = record
  record.discarded ??= 'cut at close'
  // Its holder may not listen, and an error that nobody hears ends the process.
  driver.on('error', () => {})
  const end = () => void Promise.resolve(driver.end()).catch(() => {})
  if (driver.readyForQuery !== false) return end()
  // In the very turn in which the server is ready again, before its holder can send anything more.
  driver.once('drain', end)
  void cancelStatement(driver, over)
}

const sleep = (ms: number) => new Promise<void>(resolve => void setTimeout(resolve, ms))
