import { channels } from '../channels/channels.ts'
import { startDeadline } from '../clock/deadline.ts'
import { warn } from '../channels/errors.ts'
import type { Discard } from '../channels/words.ts'
import type { Engine } from '../engines/engine.ts'
import type { Lease } from '../pool/check-out.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import { borrowerSends } from '../watch/whispers.ts'
import type { Asker } from '../pool/books.ts'
import type { TransactionStatus } from '../dialect/transaction-status.ts'
import { STATUS_BYTES } from '../channels/words.ts'
import type { DriverConnection } from '../dialect/connection.ts'

/** How long a connection checked out with a statement still running may take to finish it. */
const BUSY_MS = 100

/**
 * Checks out a connection with no transaction open and no statement running. One with an open transaction is rolled
 * back, or closed and replaced on an engine that does not roll back. One that is closed, or busy with an unawaited
 * statement, is replaced. The holder that left it so is named on the channel and in a warning.
 */
export async function takeCleanLease(
  engine: Engine,
  asker: () => Asker,
  abandoned?: Abandonment,
  timeoutMs?: number,
): Promise<Lease> {
  const asking = asker()
  const lease = await engine.checkOut(asking, abandoned, timeoutMs)
  // A host's open transaction is intended.
  if (lease.hold.driver.borrowed || isClean(lease) || (await madeClean(engine, lease, asking))) return lease
  return takeCleanLease(engine, asker, abandoned, timeoutMs)
}

/** Whether it needs no further look, as nearly always: open, nothing running, no transaction. */
function isClean({ hold: { driver } }: Lease): boolean {
  return !driver.isClosed && driver.isReady && driver.status === 'none'
}

/** Makes the connection usable, or discards it. Resolves to whether it can be used. */
async function madeClean(engine: Engine, lease: Lease, asking: Asker): Promise<boolean> {
  const { driver } = lease.hold
  if (driver.isClosed) return discard(lease, 'came closed')
  const isBusy = leftBusy(lease) && !(await idleWithin(driver, BUSY_MS))
  const { rollbackOnCheckout, beginTimeoutMs } = engine.options
  const status = isBusy ? driver.status : await statusWithin(driver, beginTimeoutMs)
  if (status === 'unknown' && !isBusy) {
    // A transaction may be open, and a needless ROLLBACK does no harm.
    const isSafe = !driver.canTellStatus && (await rolledBack(driver, beginTimeoutMs))
    return isSafe || discard(lease, 'came in an unknown state')
  }
  const left = status === 'open' || status === 'failed' ? status : undefined
  if (!isBusy && !left) return true
  if (left) tellOfDirt(engine, lease, asking, left)
  warnOfDirt(engine, lease, isBusy || !left ? 'running' : left)
  if (isBusy) {
    void driver.cancel()
    return discard(lease, 'came with a statement running')
  }
  if (rollbackOnCheckout && (await rolledBack(driver, beginTimeoutMs))) return true
  return discard(lease, 'came with an open transaction')
}

/** Not at its first use: there the pool's own `connect` listener may still be setting it up. */
function leftBusy({ hold, pool }: Lease): boolean {
  return !hold.driver.isReady && (pool.books.recordOf(hold.driver)?.uses ?? 0) > 1
}

/** pg reports a failed statement before it has read that the server is ready again. */
async function idleWithin(driver: DriverConnection, afterMs: number): Promise<boolean> {
  driver.on('error', ignore)
  const isIdle = await new Promise<boolean>(resolve => {
    const stop = driver.onReady(isOpen => {
      deadline.stop()
      resolve(isOpen)
    })
    const deadline = startDeadline(afterMs, () => {
      stop()
      resolve(false)
    })
  })
  // A lost connection emits more errors, so the listener stays on it.
  if (isIdle) driver.off('error', ignore)
  return isIdle
}

/** A checked-out connection has no listener of pg's pool, and none of the session yet. */
function ignore(): void {}

function discard({ hold, pool }: Lease, reason: Discard): false {
  const record = pool.books.recordOf(hold.driver)
  if (record) record.discarded = reason
  hold.discard()
  return false
}

/** The transaction status; `unknown` where the driver cannot tell it, or the server does not answer in time. */
async function statusWithin(driver: DriverConnection, deadlineMs: number): Promise<TransactionStatus> {
  if (driver.status !== 'unknown' || !driver.canTellStatus) return driver.status
  driver.on('error', ignore)
  const isTold = await new Promise<boolean>(resolve => {
    const deadline = startDeadline(deadlineMs, () => resolve(false))
    const told = () => {
      deadline.stop()
      resolve(true)
    }
    // A query of our own is not reported to observers.
    driver.whenStatusKnown(told, (text, answered) =>
      borrowerSends.during(true, () => driver.send(text, answered)),
    )
  })
  const status = isTold ? driver.status : 'unknown'
  // A lost connection emits more errors, so the listener stays on it.
  if (status !== 'unknown') driver.off('error', ignore)
  return status
}

function rolledBack(driver: DriverConnection, deadlineMs: number): Promise<boolean> {
  driver.on('error', ignore)
  return new Promise(resolve => {
    const deadline = startDeadline(deadlineMs, () => resolve(false))
    driver.send(driver.dialect.texts.rollback, error => {
      deadline.stop()
      if (!error) driver.off('error', ignore)
      resolve(!error && (driver.status === 'none' || !driver.canTellStatus))
    })
  })
}

function tellOfDirt(engine: Engine, { hold, pool }: Lease, asking: Asker, left: 'open' | 'failed'): void {
  const record = pool.books.recordOf(hold.driver)
  if (!record || !asking.checkout || !channels.checkout.hasSubscribers) return
  channels.checkout.publish({
    phase: 'dirty',
    at: performance.now(),
    id: asking.checkout.id,
    engine: engine.name,
    pool: pool.books.pool,
    connection: record.id,
    status: STATUS_BYTES[left],
    previous: record.leaver?.checkout ?? null,
    previousSite: record.leaver?.site ?? null,
  })
}

const DIRT = { open: 'an open transaction', failed: 'a failed transaction', running: 'a running statement' }

function warnOfDirt(engine: Engine, { hold, pool }: Lease, dirt: keyof typeof DIRT): void {
  const record = pool.books.recordOf(hold.driver)
  const { requestLabel, site } = record?.leaver ?? {}
  const who = record?.leaver
    ? `${requestLabel ?? 'work outside of any request'}${site ? ` at ${site.label}` : ''}`
    : 'an unknown holder'
  warn(
    'EL_LEFT_OPEN',
    `Connection ${record?.id} of engine "${engine.name}" came from the pool with ${DIRT[dirt]} that ${who} left.`,
  )
}
