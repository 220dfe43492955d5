import type { SpareAnswer } from '../channels/engine-reports.ts'
import { isOpen } from '../dialect/transaction-status.ts'
import { startDeadline } from '../clock/deadline.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import { checkOut, type Lease } from '../pool/check-out.ts'
import type { OpenPool } from './open-pool.ts'
import type { Hold, Pool } from '../pool/pool.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { DriverResult } from '../dialect/result.ts'

/**
 * Why an observer may not check out a connection just now; null where it may. It never takes a pool's last one, and
 * never waits in its queue.
 */
function whyNotSpare({ books, max }: Pool): string | null {
  if (max < 2) return 'its pool has a single connection, which is left to the application'
  if (books.waiting > 0) return 'others wait for a connection'
  if (max - books.used < 2) return 'all connections but one are in use'
  return null
}

/**
 * Asks the server on behalf of an observer, on a spare connection. Never rejects. A failed check-out here does not
 * count against the engine's health.
 */
export async function askSpare(
  { pool, source }: Pick<OpenPool, 'pool' | 'source'>,
  { text, values, deadlineMs, replaced }: Question,
): Promise<SpareAnswer> {
  if (source === 'borrowed') return "its connections are its host's"
  const refused = whyNotSpare(pool)
  if (refused !== null) return refused
  try {
    const asker = { session: null, request: undefined, capture: null, isObserver: true }
    const owner = { checkedOut() {}, afterFailure: () => undefined }
    const lease = await checkOut(pool, asker, {
      checkoutTimeoutMs: deadlineMs,
      abandoned: undefined,
      replaced,
      owner,
    })
    return await askOver(lease, text, values, deadlineMs)
  } catch (error) {
    return error instanceof EnginelightError ? `no connection: ${error.code}` : 'no connection'
  }
}

interface Question {
  readonly text: string
  readonly values: unknown[]
  readonly deadlineMs: number
  /** Over when a reinit replaces the pool. */
  readonly replaced: Abandonment
}

/** Asks the server on a spare connection, and returns it as it came. A connection that does not answer in time is closed. */
function askOver({ hold }: Lease, text: string, values: unknown[], deadlineMs: number) {
  const { driver } = hold
  if (!isIdle(driver)) {
    hold.release()
    return Promise.resolve('a connection came with work left open on it')
  }
  driver.on('error', ignore)
  return new Promise<SpareAnswer>(resolve => {
    const deadline = startDeadline(deadlineMs, () => {
      hold.discard()
      resolve(`the server did not answer within ${deadlineMs} ms`)
    })
    driver.send({ text, values }, (error, result) => {
      if (!deadline.isMember) return
      deadline.stop()
      giveBack(hold, !error, () => {
        const code = error && 'code' in error ? String(error.code) : null
        if (error) resolve(`the server refused: ${code ?? error.name}`)
        else resolve(((result as DriverResult | undefined)?.rows ?? []) as Record<string, unknown>[])
      })
    })
  })
}

/** pg reports a failed statement before it has read that the server is ready again, or that the connection is gone. */
function giveBack(hold: Hold, isAnswered: boolean, given: () => void): void {
  const { driver } = hold
  const back = (isOpen: boolean) => {
    if (isOpen) driver.off('error', ignore)
    if (isOpen) hold.release()
    else hold.discard()
    given()
  }
  if (isAnswered) back(true)
  else driver.onReady(back)
}

function isIdle(driver: DriverConnection): boolean {
  return !driver.isClosed && driver.isReady && !isOpen(driver.status)
}

function ignore(): void {}
