import { startDeadline } from '../deadline.ts'
import { EnginelightError, errorFacts } from '../errors.ts'
import { stalledSince } from '../health/heartbeat.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Asker } from './ledger.ts'
import { holderText, ms } from './holder-text.ts'
import type { Hold, Pool } from './pool.ts'

export interface CheckoutDeadlines {
  readonly checkoutTimeoutMs: number
  /** Ends the wait at once; its reason becomes the cause. */
  readonly signal: AbortSignal | undefined
  /** Fires when the pool will serve nobody any more, though its connections are still in use. */
  readonly replaced?: AbortSignal
}

/**
 * Takes a connection from the pool for a session. Throws EL_CHECKOUT_TIMEOUT with the holders when none comes in
 * time, EL_CHECKOUT_FAILED when the pool cannot open one, EL_ENDED when the signal fires first.
 */
export async function checkOut(pool: Pool, asker: Asker, deadlines: CheckoutDeadlines): Promise<Hold> {
  const { signal, replaced, checkoutTimeoutMs } = deadlines
  if (signal?.aborted) throw abandoned(pool, signal)
  const askedAt = performance.now()
  const pending = pool.acquire(asker)
  let failure: EnginelightError | undefined
  const giveUp = (error: EnginelightError) => {
    // Two reasons can come in one turn; the first is told, and what is granted all the same goes back once.
    if (failure) return
    failure = error
    // Set before the abort: the books tell of the failure with our sentence, not with the pool's.
    if (asker.checkout) asker.checkout.failure = error
    pending.abort()
    reject(error)
  }
  const deadline = startDeadline(checkoutTimeoutMs, () => {
    giveUp(timedOut(pool, askedAt, asker.capture))
  })
  const onAbort = () => giveUp(abandoned(pool, signal as AbortSignal))
  const onReplaced = () => giveUp(failed(pool, askedAt, asker.capture, new Error('the pool was replaced')))
  let reject!: (error: Error) => void
  const givenUp = new Promise<never>((_resolve, rejectGivenUp) => void (reject = rejectGivenUp))
  signal?.addEventListener('abort', onAbort, { once: true })
  replaced?.addEventListener('abort', onReplaced, { once: true })
  try {
    return await Promise.race([pending.promise, givenUp])
  } catch (cause) {
    if (failure && cause === failure) {
      // Granted already, but told a few microtasks too late: nobody else would ever give it back.
      pending.promise.then(
        hold => hold.release(),
        () => {},
      )
      throw failure
    }
    throw failed(pool, askedAt, asker.capture, cause)
  } finally {
    deadline.stop()
    signal?.removeEventListener('abort', onAbort)
    replaced?.removeEventListener('abort', onReplaced)
    givenUp.catch(() => {})
  }
}

function timedOut(
  pool: Pool,
  askedAt: number,
  capture: SiteCapture | null,
  cause?: unknown,
): EnginelightError {
  const { ledger } = pool
  const waitedMs = performance.now() - askedAt
  const stalledMs = stalledSince(askedAt)
  const holders = ledger.holders()
  const waiting = ledger.waiting
  const where = at(capture)
  return new EnginelightError(
    'EL_CHECKOUT_TIMEOUT',
    `Waited ${ms(waitedMs)} for a connection of engine "${ledger.engine}"${where}: ` +
      `${holders.length} of ${pool.max} connections of pool ${ledger.pool} are held and ${waiting} ${waiting === 1 ? 'waits' : 'wait'}. ` +
      (holders.length === 0
        ? 'Nobody that we know holds one.'
        : `Holders: ${holders.map(holderText).join('; ')}.`) +
      (stalledMs > 0 ? ` The event loop stood still for ${ms(stalledMs)} of that.` : ''),
    { engine: ledger.engine, pool: ledger.pool, waitedMs, stalledMs, holders, waiting, cause },
  )
}

function failed(pool: Pool, askedAt: number, capture: SiteCapture | null, cause: unknown): EnginelightError {
  const { ledger } = pool
  // tarn's own deadline (a pool that we were given may have a shorter one than ours).
  if (cause instanceof Error && cause.name === 'TimeoutError') return timedOut(pool, askedAt, capture, cause)
  if (cause instanceof Error && cause.message === 'timeout exceeded when trying to connect') {
    return timedOut(pool, askedAt, capture, cause)
  }
  const waitedMs = performance.now() - askedAt
  const facts = errorFacts(cause)
  return new EnginelightError(
    'EL_CHECKOUT_FAILED',
    `Engine "${ledger.engine}" could not open a connection${at(capture)} after ${ms(waitedMs)}: ` +
      `${facts.code === null ? '' : `${facts.code}, `}${facts.message || 'no reason given'}.`,
    { engine: ledger.engine, pool: ledger.pool, waitedMs, cause },
  )
}

function abandoned(pool: Pool, signal: AbortSignal): EnginelightError {
  return new EnginelightError(
    'EL_ENDED',
    `The wait for a connection of engine "${pool.ledger.engine}" was given up, for its request has ended.`,
    { engine: pool.ledger.engine, cause: signal.reason },
  )
}

function at(capture: SiteCapture | null): string {
  const site = siteOf(capture)
  return site ? ` at ${site.label}` : ''
}
