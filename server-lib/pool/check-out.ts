import { startDeadline, type Deadline } from '../clock/deadline.ts'
import { EnginelightError, errorFacts, type CheckoutHolder } from '../channels/errors.ts'
import { stalledSince } from '../clock/heartbeat.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Abandonment } from './abandonment.ts'
import type { Asker } from './books.ts'
import { isPoolTimeout } from './pool-timeout.ts'
import { holderText, ms } from './holder-text.ts'
import type { GiveUp, Hold, Pool, Taker } from './pool.ts'

/** What ends a wait before it is granted. */
export interface WaitLimits {
  readonly checkoutTimeoutMs: number
  /** Whoever asks has ended; its reason becomes the cause. */
  readonly abandoned: Abandonment | undefined
  /** The pool will serve nobody any more, though its connections are still in use. */
  readonly replaced: Abandonment
  /** Told how it ended; may answer a failure with another attempt. */
  readonly owner: CheckoutOwner
}

/** The engine, as its check-outs know it. */
export interface CheckoutOwner {
  checkedOut(): void
  afterFailure(error: EnginelightError, asker: Asker, limits: WaitLimits): Promise<Lease> | undefined
}

/** A connection in hand together with the pool it came from, which a `reinit` may have replaced since. */
export interface Lease {
  readonly hold: Hold
  readonly pool: Pool
}

/**
 * Takes a connection from the pool for a session. Rejects with EL_CHECKOUT_TIMEOUT and the holders when none comes in
 * time, with EL_CHECKOUT_FAILED when the pool cannot open one, with EL_ENDED when it is abandoned first.
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
    // Granted all the same, after the wait was given up: nobody else would ever give it back.
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
    // Set before: the books tell of the failure with our sentence, not with the pool's.
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
 * How long those around a nested scope must have stood still, before it is said that they wait for it: a quarter of the
 * check-out's time, and at most this. They may as well be awaiting something slow, with the scope running beside them.
 */
const SELF_WAIT_MS = 1_000

/**
 * Looks whether a nested scope waits for what only those around it hold: they stand idle in their transactions, most
 * likely for it to be done. A scope that is not nested never does, and costs nothing here.
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

/** Why a wait is over without a connection: all are held, or there was room for one and none could be opened. */
export function timedOut(
  pool: Pool,
  askedAt: number,
  capture: SiteCapture | null,
  cause?: unknown,
): EnginelightError {
  const { books } = pool
  if (books.used < pool.max) {
    // Where others were served meanwhile, it is a rush in which one of them is being opened anew.
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
      (holders.length === 0
        ? 'Nobody that we know holds one.'
        : `Holders: ${holders.map(holderText).join('; ')}.`) +
      (stalledMs > 0 ? ` The event loop stood still for ${ms(stalledMs)} of that.` : ''),
    { engine: books.engine, pool: books.pool, waitedMs, stalledMs, holders, waiting, cause },
  )
}

function failed(pool: Pool, askedAt: number, capture: SiteCapture | null, cause: unknown): EnginelightError {
  // Of a pool that knows better than that it could not open a connection.
  if (cause instanceof EnginelightError) return cause
  // A pool that we were given may have a shorter deadline than ours.
  if (isPoolTimeout(cause)) return timedOut(pool, askedAt, capture, cause)
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
