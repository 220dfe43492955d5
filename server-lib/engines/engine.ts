import { setMaxListeners } from 'node:events'
import type { Knex } from 'knex'
import { channels } from '../channels.ts'
import { EnginelightError, type CheckoutHolder } from '../errors.ts'
import { watchLongHolds } from '../health/long-holds.ts'
import { here } from '../identity/ids.ts'
import { checkOut, type CheckoutDeadlines } from '../pool/check-out.ts'
import type { Asker } from '../pool/ledger.ts'
import type { Hold, Pool } from '../pool/pool.ts'
import { resetTexts } from '../postgres/control.ts'
import { closePool } from './close-pool.ts'
import type { ClosingTime } from './closing-time.ts'
import type { CheckedOptions, EngineConfig } from './engine-config.ts'
import type { EngineDescription } from './engine-description.ts'
import { addReporting, type EngineReport } from './engine-reports.ts'
import { openPool, type InContext, type OpenPool } from './open-pool.ts'

/** A connection in hand together with the pool it came from, which a `reinit` may have replaced since. */
export interface Lease {
  readonly hold: Hold
  readonly pool: Pool
}

/** One database: its pool, the knex that builds its statements, and its options. Sessions come from containers. */
export class Engine {
  readonly name: string
  readonly options: CheckedOptions
  readonly application: string | null
  /** What is sent on a connection before it goes back. */
  readonly resets: readonly string[]
  readonly #config: EngineConfig
  readonly #inContext: InContext
  #open: OpenPool
  #replaced = replacement()
  #generation = 1
  #closed = false
  /** Whether the last attempt to open a connection failed. */
  #failing = false
  readonly #stopReporting: () => void
  readonly #stopWatchingHolds: () => void
  /** Pools that a `reinit` replaced and that somebody still holds a connection of. */
  readonly #draining = new Set<OpenPool>()
  #hasClosed!: () => void
  readonly #untilClosed = new Promise<void>(resolve => void (this.#hasClosed = resolve))

  constructor(
    name: string,
    config: EngineConfig,
    options: CheckedOptions,
    application: string | null,
    inContext: InContext,
  ) {
    this.name = name
    this.options = options
    this.application = application
    this.#config = config
    this.#inContext = inContext
    this.#open = openPool(name, this.#poolName(), config, options, inContext)
    const { mode, access, resetOnRelease } = options
    const isReadOnlySession = mode === 'autocommit' && access === 'read'
    this.resets = resetTexts({ isReadOnlySession, owned: this.owned, resetOnRelease })
    this.#stopReporting = addReporting(this)
    this.#stopWatchingHolds = watchLongHolds(() => this.#ledgers(), options)
    this.#tell('declared')
  }

  /** Of the pool, and of those that it replaced and that are still in use. */
  *#ledgers() {
    yield this.#open.pool.ledger
    for (const { pool } of this.#draining) yield pool.ledger
  }

  #poolName(): string {
    return `${this.name}#${this.#generation}`
  }

  #tell(phase: 'declared' | 'reinitialized'): void {
    if (channels.engine.hasSubscribers) {
      channels.engine.publish({
        phase,
        at: performance.now(),
        engine: this.name,
        description: this.description,
      })
    }
  }

  /** A knex on this engine's pool, outside of any session: for migrations and scripts. */
  get knex(): Knex {
    return this.#open.knex
  }

  get owned(): boolean {
    return this.#open.owned
  }

  get description(): EngineDescription {
    const { options } = this
    const { pool, source, owned, serverAddress, serverPort, database } = this.#open
    return {
      engine: this.name,
      pool: pool.ledger.pool,
      isDefault: options.isDefault,
      mode: options.mode,
      access: options.access,
      enlist: options.enlist,
      transactional: options.transactional,
      source,
      owned,
      min: pool.min,
      max: pool.max,
      checkoutTimeoutMs: options.checkoutTimeoutMs,
      serverAddress,
      serverPort,
      database,
      application: this.application,
      ...here,
    }
  }

  report(): EngineReport {
    const { ledger } = this.#open.pool
    const connections = ledger.connectionReports()
    const used = connections.filter(connection => connection.holder).length
    return {
      description: this.description,
      used,
      idle: connections.length - used,
      connections,
      waiters: ledger.waiterReports(),
    }
  }

  /** Whether a check-out has a good chance: the engine is open, and its last connection attempt did not fail. */
  get healthy(): boolean {
    return !this.#closed && !this.#failing
  }

  async checkOut(asker: Asker, signal?: AbortSignal): Promise<Lease> {
    const until = performance.now() + this.options.checkoutTimeoutMs
    for (;;) {
      this.requireOpen()
      const { pool } = this.#open
      const { signal: replaced } = this.#replaced
      const checkoutTimeoutMs = Math.max(0, until - performance.now())
      const deadlines: CheckoutDeadlines = { checkoutTimeoutMs, signal, replaced }
      try {
        const hold = await checkOut(pool, asker, deadlines)
        this.#failing = false
        return { hold, pool }
      } catch (error) {
        const isFailure = error instanceof EnginelightError && error.code === 'EL_CHECKOUT_FAILED'
        // Whoever waited at the pool that a reinit replaced is served by the new one.
        if (isFailure && replaced.aborted) continue
        if (isFailure) this.#failing = true
        throw error
      }
    }
  }

  requireOpen(): void {
    if (this.#closed) {
      throw new EnginelightError('EL_ENGINE_CLOSED', `Engine "${this.name}" is closed.`, {
        engine: this.name,
      })
    }
  }

  /** Opens the pool's minimum of connections, at least one, so that a wrong password shows at start. */
  async warmup(): Promise<void> {
    this.requireOpen()
    const wanted = Math.max(1, this.#open.pool.min)
    const asker = () => ({ session: null, request: undefined, capture: null })
    const leases = await Promise.allSettled(Array.from({ length: wanted }, () => this.checkOut(asker())))
    for (const lease of leases) if (lease.status === 'fulfilled') lease.value.hold.release()
    const failure = leases.find(lease => lease.status === 'rejected')
    this.#failing = failure !== undefined
    if (failure) throw failure.reason
  }

  /**
   * Swaps in a fresh pool, then drains the old one: whoever holds a connection of it keeps it until done. Resolves
   * when the old pool is closed. Throws EL_NOT_OWNED for a pool that the application made.
   */
  async reinit(): Promise<void> {
    this.requireOpen()
    this.requireOwned('reinit')
    const old = this.#open
    const replaced = this.#replaced
    this.#generation++
    this.#open = openPool(this.name, this.#poolName(), this.#config, this.options, this.#inContext)
    this.#replaced = replacement()
    this.#failing = false
    this.#tell('reinitialized')
    this.#draining.add(old)
    replaced.abort()
    await this.#drain(old)
  }

  requireOwned(what: string): void {
    if (this.#open.owned) return
    throw new EnginelightError(
      'EL_NOT_OWNED',
      `Engine "${this.name}" cannot ${what}: its ${this.#open.source} was made by the application. Give a function that makes one instead.`,
      { engine: this.name },
    )
  }

  async #drain(old: OpenPool): Promise<void> {
    try {
      // A close that cuts whoever holds a connection leaves the pool waiting for him.
      await Promise.race([old.pool.destroy(), this.#untilClosed])
    } finally {
      this.#draining.delete(old)
      old.pool.unwatch()
    }
  }

  /** Nobody is given a connection any more, those neither who wait for one. */
  refuse(): void {
    if (this.#closed) return
    this.#closed = true
    this.#tellPhase('closing')
    this.#replaced.abort()
  }

  /**
   * Closes the pools that we made, within the time given; a connection that is still held then is cut. A pool that
   * we were given is left open, and no longer watched when the sessions have ended. Resolves with those outside of
   * sessions who held a connection to the end.
   */
  async close(time: ClosingTime, sessionsEnded?: Promise<unknown>): Promise<CheckoutHolder[]> {
    this.refuse()
    const pools = [this.#open, ...this.#draining]
    const cut = await Promise.all(
      pools.map(async ({ pool, owned }) => {
        const held = owned ? await closePool(pool, time) : []
        // Not a moment later where there are none: another engine may be given this pool next.
        if (sessionsEnded) await sessionsEnded
        pool.unwatch()
        return held
      }),
    )
    this.#hasClosed()
    this.#stopReporting()
    this.#stopWatchingHolds()
    this.#tellPhase('closed')
    return cut.flat()
  }

  /** Everybody who holds a connection, of pools that drain as well. */
  holders(): CheckoutHolder[] {
    return [this.#open, ...this.#draining].flatMap(({ pool }) => pool.ledger.holders())
  }

  #tellPhase(phase: 'closing' | 'closed'): void {
    if (channels.engine.hasSubscribers) {
      channels.engine.publish({
        phase,
        at: performance.now(),
        engine: this.name,
        pool: this.#open.pool.ledger.pool,
      })
    }
  }
}

/** Tells those who wait at a pool that another has taken its place. They can be many. */
function replacement(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
