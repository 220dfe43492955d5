import { startDeadline, type Deadline } from '../clock/deadline.ts'
import { EnginelightError, errorFacts, type CheckoutHolder } from '../channels/errors.ts'
import { stalledSince } from '../clock/heartbeat.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Abandonment } from './abandonment.ts'
import type { Asker } from './books.ts'
import { holderText, ms } from './holder-text.ts'
import type { GiveUp, Hold, Pool, Taker } from './pool.ts'

/** What ends a wait without a connection. */
export interface WaitLimits {
  readonly checkoutTimeoutMs: number
  /** The unit that asks has ended; its reason becomes the cause. */
  readonly abandoned: Abandonment | undefined
  /** The pool grants no more check-outs, though its connections are still in use. */
  readonly replaced: Abandonment
  /** Is told how the wait ended, and may answer a failure with another attempt. */
  readonly owner: CheckoutOwner
}

/** The engine, as its check-outs know it. */
export interface CheckoutOwner {
  checkedOut(): void
  afterFailure(error: EnginelightError, asker: Asker, limits: WaitLimits): Promise<Lease> | undefined
}

/** A checked-out connection and its pool, which a `reinit` may have replaced since. */
export interface Lease {
  readonly hold: Hold
  readonly pool: Pool
}

/**
 * Checks out a connection for a session. Rejects with EL_CHECKOUT_TIMEOUT, which lists the holders, when none comes in
 * time; with EL_CHECKOUT_FAILED when the pool cannot open one; with EL_ENDED when the wait is abandoned first.
 */
export function checkOut(pool: Pool, asker: Asker, limits: WaitLimits): Promise<Lease> {
  const { abandoned } = limits
  if (abandoned?.isOver) return Promise.reject(ended(pool, abandoned))
  return new Promise((resolve, reject) => new Wait(pool, asker, limits, resolve, reject))
}

type Listening = ReturnType<Abandonment['on']>

class Wait implements Taker {
  readonly #askedAt = performance.now()
  readonly #pool: Pool
  readonly #asker: Asker
  readonly #limits: WaitLimits
  readonly #resolve: (lease: Lease | Promise<Lease>) => void
  readonly #reject: (error: EnginelightError) => void
  readonly #giveUp: GiveUp
  readonly #deadline: Deadline
  readonly #stopSelfWait: () => void
  readonly #abandoned: Listening | undefined
  readonly #replaced: Listening
  #isOver = false

  constructor(
    pool: Pool,
    asker: Asker,
    limits: WaitLimits,
    resolve: (lease: Lease | Promise<Lease>) => void,
    reject: (error: EnginelightError) => void,
  ) {
    this.#pool = pool
    this.#asker = asker
    this.#limits = limits
    this.#resolve = resolve
    this.#reject = reject
    this.#giveUp = pool.acquire(asker, this)
    this.#deadline = startDeadline(limits.checkoutTimeoutMs, this.#onDeadline)
    this.#stopSelfWait = watchSelfWait(pool, asker, limits.checkoutTimeoutMs, this.#onSelfWait)
    this.#abandoned = limits.abandoned?.on(this.#onAbandoned)
    this.#replaced = limits.replaced.on(this.#onReplaced)
  }

  get timeoutMs(): number {
    return this.#limits.checkoutTimeoutMs
  }

  granted(hold: Hold): void {
    // Granted after the wait was given up: nothing else would release it.
    if (this.#isOver) return hold.release()
    this.#settle()
    this.#limits.owner.checkedOut()
    this.#resolve({ hold, pool: this.#pool })
  }

  refused(cause: unknown): void {
    this.#end(failed(this.#pool, this.#askedAt, this.#asker.capture, cause))
  }

  timedOut(cause: unknown): void {
    this.#end(timedOut(this.#pool, this.#askedAt, this.#asker.capture, cause))
  }

  #end(error: EnginelightError): void {
    if (this.#isOver) return
    this.#settle()
    this.#fail(error)
  }

  readonly #onDeadline = () => this.#stop(timedOut(this.#pool, this.#askedAt, this.#asker.capture))

  readonly #onAbandoned = () => this.#stop(ended(this.#pool, this.#limits.abandoned))

  readonly #onSelfWait = () => this.#stop(deadlocked(this.#pool, this.#askedAt, this.#asker.capture))

  readonly #onReplaced = () =>
    this.#stop(failed(this.#pool, this.#askedAt, this.#asker.capture, new Error('the pool was replaced')))

  #stop(error: EnginelightError): void {
    this.#settle()
    // Set before `giveUp`, so that observers get this error and not the pool's.
    if (this.#asker.checkout) this.#asker.checkout.failure = error
    this.#giveUp()
    this.#fail(error)
  }

  #fail(error: EnginelightError): void {
    const again = this.#limits.owner.afterFailure(error, this.#asker, this.#limits)
    if (again) this.#resolve(again)
    else this.#reject(error)
  }

  #settle(): void {
    this.#isOver = true
    this.#deadline.stop()
    this.#stopSelfWait()
    this.#abandoned?.leave()
    this.#replaced.leave()
  }
}

const NOTHING = () => {}

/**
 * How long the holders around a nested scope must be idle before the scope is said to deadlock: a quarter of the
 * check-out's timeout, and at most this. They may be awaiting something slow that runs beside the scope.
 */
const SELF_WAIT_MS = 1_000

/**
 * Detects a nested scope that waits for connections which only the scopes around it hold. Those are idle in their
 * transactions, most likely because they await the nested scope. Does nothing for a scope that is not nested.
 */
function watchSelfWait(
  pool: Pool,
  { request }: Asker,
  checkoutTimeoutMs: number,
  found: () => void,
): () => void {
  if (!request?.isNested) return NOTHING
  const standstillMs = Math.min(SELF_WAIT_MS, checkoutTimeoutMs / 4)
  const timer = setInterval(() => {
    const holders = pool.books.holders()
    const waitsForIt = (holder: CheckoutHolder) =>
      holder.session !== null &&
      holder.request !== null &&
      request.isInside(holder.request) &&
      holder.state.endsWith('transaction') &&
      holder.stateMs >= standstillMs
    if (holders.length >= pool.max && holders.every(waitsForIt)) found()
  }, standstillMs / 2)
  return () => clearInterval(timer)
}

function deadlocked(pool: Pool, askedAt: number, capture: SiteCapture | null): EnginelightError {
  const { books } = pool
  const holders = books.holders()
  return new EnginelightError(
    'EL_CHECKOUT_DEADLOCK',
    `Waits for itself${at(capture)}: all ${pool.max} connections of pool ${books.pool} of engine "${books.engine}" are held by the scopes ` +
      `around this one, idle in their transactions. Holders: ${holders.map(holderText).join('; ')}.`,
    {
      engine: books.engine,
      pool: books.pool,
      waitedMs: performance.now() - askedAt,
      holders,
      waiting: books.waiting,
    },
  )
}

/** Why a wait timed out: all connections are held, or there was room for one and none could be opened. */
export function timedOut(
  pool: Pool,
  askedAt: number,
  capture: SiteCapture | null,
  cause?: unknown,
): EnginelightError {
  const { books } = pool
  if (books.used < pool.max) {
    // If connections were granted meanwhile, the pool is busy rather than stuck, even if one is being opened.
    const isStuck = pool.isOpening && books.grantedAt < askedAt
    const reason = books.openFailure ?? (isStuck ? stillOpening(cause) : undefined)
    if (reason !== undefined) return unopened(pool, askedAt, capture, reason)
  }
  const waitedMs = performance.now() - askedAt
  const stalledMs = stalledSince(askedAt)
  const holders = books.holders()
  const waiting = books.waiting
  const where = at(capture)
  return new EnginelightError(
    'EL_CHECKOUT_TIMEOUT',
    `Waited ${ms(waitedMs)} for a connection of engine "${books.engine}"${where}: ` +
      `${holders.length} of ${pool.max} connections of pool ${books.pool} are held and ${waiting} ${waiting === 1 ? 'waits' : 'wait'}. ` +
      (holders.length === 0 ? 'No holder is known.' : `Holders: ${holders.map(holderText).join('; ')}.`) +
      (stalledMs > 0 ? ` The event loop stood still for ${ms(stalledMs)} of that.` : ''),
    { engine: books.engine, pool: books.pool, waitedMs, stalledMs, holders, waiting, cause },
  )
}

function failed(pool: Pool, askedAt: number, capture: SiteCapture | null, cause: unknown): EnginelightError {
  // The pool has already said why, and it was not that a connection could not be opened.
  if (cause instanceof EnginelightError) return cause
  return unopened(pool, askedAt, capture, cause)
}

const stillOpening = (cause: unknown) =>
  new Error('a connection was being opened and the server has not answered', { cause })

function unopened(
  pool: Pool,
  askedAt: number,
  capture: SiteCapture | null,
  cause: unknown,
): EnginelightError {
  const { books } = pool
  const waitedMs = performance.now() - askedAt
  const facts = errorFacts(cause)
  return new EnginelightError(
    'EL_CHECKOUT_FAILED',
    `Engine "${books.engine}" could not open a connection${at(capture)} after ${ms(waitedMs)}: ` +
      `${facts.code === null ? '' : `${facts.code}, `}${facts.message || 'no reason given'}.`,
    { engine: books.engine, pool: books.pool, waitedMs, cause },
  )
}

function ended(pool: Pool, abandoned: Abandonment | undefined): EnginelightError {
  return new EnginelightError(
    'EL_ENDED',
    `The wait for a connection of engine "${pool.books.engine}" was given up, for its request has ended.`,
    { engine: pool.books.engine, cause: abandoned?.reason },
  )
}

function at(capture: SiteCapture | null): string {
  const site = siteOf(capture)
  return site ? ` at ${site.label}` : ''
}
