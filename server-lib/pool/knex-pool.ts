import { NO_LINE } from '../identity/site.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Dialect } from '../dialect/dialect.ts'
import type { Asker, Books } from './books.ts'
import type { GiveUp, Hold, Pool, Taker } from './pool.ts'
import type { CheckoutRecord } from './records.ts'
import { Linked, Ring } from '../clock/ring.ts'
import { stopAwaitedLines } from '../watch/awaited-lines.ts'
import { shadow } from '../watch/shadow.ts'
import type { IsOurs } from '../watch/listener-contexts.ts'
import type { InContext } from './in-context.ts'
import { explainTimeout } from './explained-timeout.ts'
import { staleRelease, warnOfStaleRelease } from './stale-release.ts'
import { keepTarnContexts, neverAgain } from './tarn-contexts.ts'
import { isTarnTimeout, type PoolOwner, type TarnPool } from './tarn-pool.ts'
import { WatchedConnections } from './watched-connections.ts'

/**
 * Knex's own pool, watched through its events. tarn emits `acquireRequest` synchronously in `acquire()`, and so in the
 * caller's context; `acquireSuccess` comes before the caller sees the connection. When the application destroys its
 * knex and initializes it again, the new pool is watched in place of the old one.
 */
export class KnexPool implements Pool {
  readonly books: Books
  readonly connections: WatchedConnections
  readonly #destroyKnex: () => Promise<void>
  readonly #unshadow: () => void
  readonly #opening: ReadonlySet<DriverConnection>
  readonly #dialect: Dialect
  readonly #inContext: InContext
  readonly #config: PoolOwner['config']
  #destroyed: Promise<void> | undefined
  /** What sessions hold: only they can release it. */
  readonly #held = new Set<object>()
  #tarn: TarnPool
  #detach: () => void

  constructor(
    owner: PoolOwner,
    tarn: TarnPool,
    books: Books,
    destroyKnex: () => Promise<void>,
    inContext: InContext,
    opening: ReadonlySet<DriverConnection> = new Set(),
  ) {
    this.books = books
    this.#dialect = books.dialect
    books.limit = () => this.max
    this.#opening = opening
    this.connections = new WatchedConnections(books)
    this.#destroyKnex = destroyKnex
    this.#inContext = inContext
    this.#config = owner.config
    this.#tarn = tarn
    this.#detach = this.#attach(tarn)
    let watching = true
    const undo = shadow(owner, 'initializePool', original => {
      const replace = this.#replace.bind(this)
      return function (...args) {
        const answer = original.apply(this, args)
        if (watching && owner.pool) replace(owner.pool)
        return answer
      }
    })
    this.#unshadow = () => {
      watching = false
      undo()
    }
  }

  #replace(tarn: TarnPool): void {
    if (tarn === this.#tarn) return
    // The old pool may still be closing its connections; the books hear of each by its own `end`.
    this.#detach()
    this.#tarn = tarn
    this.#detach = this.#attach(tarn)
  }

  #attach(tarn: TarnPool): () => void {
    const stopListening = listenTo(tarn, this, isOurs =>
      keepTarnContexts(
        tarn,
        this.#config,
        driver => this.connections.opens(this.#dialect.connectionOf(driver)),
        isOurs,
        this.#inContext,
      ),
    )
    const held = this.#held
    const { books } = this
    const dialect = this.#dialect
    let watching = true
    const undo = shadow(
      tarn,
      'release',
      original =>
        function release(this: unknown, ...args) {
          const [driver] = args as [object]
          if (!watching || !held.has(driver)) return original.apply(this, args)
          warnOfStaleRelease(staleRelease(books, dialect.connectionOf(driver)))
          return false
        },
    )
    return () => {
      watching = false
      undo()
      stopListening()
    }
  }

  get min(): number {
    return this.#tarn.min
  }

  get max(): number {
    return this.#tarn.max
  }

  get isOpening(): boolean {
    return (this.#tarn.pendingCreates?.length ?? 0) > 0
  }

  acquire(asker: Asker, taker: Taker): GiveUp {
    // Kept for the whole wait: the owner's pool may be replaced by then.
    const tarn = this.#tarn
    const askedAt = performance.now()
    const limitMs = limitOf(tarn, taker)
    const pending = this.books.askingFor(asker, () => acquireWithin(tarn, limitMs))
    pending.promise.then(
      driver =>
        taker.granted(new TarnHold(tarn, this.#dialect.connectionOf(driver), this.#held, this.connections)),
      (cause: unknown) =>
        hasTimedOut(cause, performance.now() - askedAt, limitMs)
          ? taker.timedOut(cause)
          : taker.refused(cause),
    )
    return () => {
      if (asker.checkout) this.books.failed(asker.checkout, asker.checkout.failure)
      // tarn loses a connection if its request is aborted during validation, which takes microtasks. After those the
      // connection has either been granted, and is released there, or is not on its way.
      setImmediate(() => pending.abort())
    }
  }

  unwatch(): void {
    this.#unshadow()
    this.#detach()
    this.connections.leaveAll()
    stopAwaitedLines()
  }

  destroy(): Promise<void> {
    return (this.#destroyed ??= this.#destroyKnex())
  }

  cut(): void {
    this.connections.cut()
    for (const driver of this.#opening) driver.cut()
    // tarn's own `destroy` continues when these are settled. What a former holder releases later is ignored.
    for (const pending of this.#tarn.pendingAcquires?.slice() ?? []) pending.abort()
    for (const { resource } of this.#tarn.used?.slice() ?? []) this.#tarn.release(resource)
  }
}

const NEVER_MS = 2 ** 31 - 1

/**
 * How long tarn may let the taker wait. A limit later than the taker's own is lifted: it would strike only after the
 * event loop stood still, which the taker forgives.
 */
function limitOf({ acquireTimeoutMillis = NEVER_MS }: TarnPool, { timeoutMs }: Taker): number {
  return acquireTimeoutMillis > timeoutMs ? NEVER_MS : acquireTimeoutMillis
}

function acquireWithin(tarn: TarnPool, limitMs: number): ReturnType<TarnPool['acquire']> {
  const { acquireTimeoutMillis } = tarn
  tarn.acquireTimeoutMillis = limitMs
  try {
    return tarn.acquire()
  } finally {
    tarn.acquireTimeoutMillis = acquireTimeoutMillis
  }
}

/**
 * Whether the wait for a connection timed out. tarn reports a connection that does not open in time with the same
 * error, which has neither name nor code; its timers may be a millisecond early.
 */
function hasTimedOut(cause: unknown, waitedMs: number, limitMs: number): boolean {
  return isTarnTimeout(cause) && waitedMs >= limitMs - 1
}

class TarnHold implements Hold {
  readonly driver: DriverConnection
  readonly #tarn: TarnPool
  readonly #held: Set<object>
  readonly #connections: WatchedConnections
  #given = false

  constructor(tarn: TarnPool, driver: DriverConnection, held: Set<object>, connections: WatchedConnections) {
    this.driver = driver
    this.#tarn = tarn
    this.#held = held
    this.#connections = connections
    held.add(driver.raw)
  }

  release(): void {
    if (this.#given) return
    this.#given = true
    const { raw } = this.driver
    this.#held.delete(raw)
    this.#tarn.release(raw)
  }

  discard(): void {
    const { driver } = this
    // tarn has no way to drop a connection that is released. A disposed one fails validation at the next acquire and is
    // not granted; its socket and its backend are closed now.
    const marked = driver.raw as { __knex__disposed?: unknown }
    marked.__knex__disposed ??= 'discarded'
    neverAgain(driver.raw)
    // A busy connection is ended by destroying its socket, so this ends the running statement as well.
    driver.end()
    this.release()
    this.#connections.gone(driver, 'discarded')
  }
}

/** A check-out, by the number that tarn's events carry. */
class Asked extends Linked {
  readonly eventId: number
  readonly checkout: CheckoutRecord

  constructor(eventId: number, checkout: CheckoutRecord) {
    super()
    this.eventId = eventId
    this.checkout = checkout
  }
}

/** Enters the pool's events into the books. The returned function stops it. */
function listenTo(tarn: TarnPool, pool: KnexPool, keepContexts: (isOurs: IsOurs) => () => void): () => void {
  const { books, connections } = pool
  const of = (driver: object) => books.dialect.connectionOf(driver)
  const asked = new Ring<Asked>()
  const take = (eventId: number) => {
    // The pool serves in the order of asking, so it is nearly always the first.
    const found = asked.find(one => one.eventId === eventId)
    found?.leave()
    return found?.checkout
  }
  const listeners: [event: string, listener: (...args: never[]) => void][] = [
    ['acquireRequest', (eventId: number) => asked.join(new Asked(eventId, books.asked()))],
    [
      'acquireSuccess',
      (eventId: number, resource: object) => {
        const driver = of(resource)
        connections.enter(driver)
        const checkout = take(eventId)
        if (checkout) books.acquired(checkout, driver)
      },
    ],
    [
      'acquireFail',
      (eventId: number, error: unknown) => {
        const checkout = take(eventId)
        if (!checkout) return
        if (isTarnTimeout(error)) explainTimeout(pool, checkout, error)
        books.failed(checkout, error)
      },
    ],
    ['release', (resource: object) => books.released(of(resource))],
    ['createSuccess', (_eventId: number, resource: object) => connections.enter(of(resource))],
    ['createFail', (_eventId: number, error: unknown) => books.connectFailed(error)],
    [
      'destroyRequest',
      (_eventId: number, resource: object) => connections.gone(of(resource), 'closed by the pool'),
    ],
  ]
  const unkeepContexts = keepContexts((_event, listener) => listeners.some(([, own]) => own === listener))
  for (const [event, listener] of listeners) tarn.on(event, listener)
  for (const { resource } of tarn.free ?? []) connections.enter(of(resource))
  for (const { resource } of tarn.used ?? []) {
    connections.enter(of(resource))
    books.acquired(books.asked(NO_LINE), of(resource))
  }
  return () => {
    for (const [event, listener] of listeners) tarn.removeListener(event, listener)
    unkeepContexts()
    // What waits at a pool that is no longer watched leaves our books.
    for (const one of asked.members()) {
      one.leave()
      books.failed(one.checkout, new Error('no longer watched'))
    }
  }
}
