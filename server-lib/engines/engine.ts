import type { Knex } from 'knex'
import { channels } from '../channels/channels.ts'
import { EnginelightError, type CheckoutHolder } from '../channels/errors.ts'
import { watchLongHolds } from '../pool/long-holds.ts'
import { INSPECT, shown, type InspectArguments } from '../identity/inspected.ts'
import { Abandonment } from '../pool/abandonment.ts'
import { checkOut, type CheckoutOwner, type Lease, type WaitLimits } from '../pool/check-out.ts'
import type { InContext } from '../pool/in-context.ts'
import type { Asker } from '../pool/books.ts'
import type { Dialect } from '../dialect/dialect.ts'
import { closePool } from './close-pool.ts'
import type { ClosingTime } from './closing-time.ts'
import type { CheckedOptions, EngineConfig } from './engine-config.ts'
import type { EngineDescription } from '../channels/engine-description.ts'
import { addReporting, type EngineReport, type SpareAnswer } from '../channels/engine-reports.ts'
import { openPool, type OpenPool } from './open-pool.ts'
import { isSamePool } from './same-pool.ts'
import type { ServerDoor } from './server-door.ts'
import { descriptionOf, reportOf, summaryOf } from './engine-report.ts'
import { askSpare } from './spare-connection.ts'

/** What an engine inherits from the engine that it replaces. */
export interface Heritage {
  /** The number of pools so far. */
  readonly generation: number
  /** The pool to go on with instead of opening one. */
  readonly open?: OpenPool | undefined
}

/**
 * One database: its pool, the knex that builds its statements, and its options. Sessions come from containers. The file
 * is long because a reinit, a hand-over and a close may overlap at any moment: the state they share must be read
 * together.
 */
export class Engine implements CheckoutOwner {
  readonly name: string
  readonly options: CheckedOptions
  readonly application: string | null
  /** The statements sent on a connection before it is checked in. */
  readonly resets: readonly string[]
  readonly #config: EngineConfig
  readonly #inContext: InContext
  #open: OpenPool
  #replaced = new Abandonment()
  #generation: number
  #closed = false
  /** Whether another engine has its pool, and closes it or watches it anew. */
  #isHandedOn = false
  /** Whether the last attempt to open a connection failed. */
  #failing = false
  #stopLooking!: () => void
  /** Pools that a `reinit` replaced and whose connections are still held. */
  readonly #draining = new Set<OpenPool>()
  #hasClosed!: () => void
  readonly #untilClosed = new Promise<void>(resolve => void (this.#hasClosed = resolve))

  constructor(
    name: string,
    config: EngineConfig,
    options: CheckedOptions,
    application: string | null,
    inContext: InContext,
    { generation, open }: Heritage = { generation: 0 },
  ) {
    this.name = name
    this.options = options
    this.application = application
    this.#config = config
    this.#inContext = inContext
    this.#generation = open ? generation : generation + 1
    this.#open = open ?? this.#openPool()
    const { books } = this.#open.pool
    books.whenUnknown = () => this.#tell('declared')
    books.lines.choice = options.holderLines
    const { rule, access, resetOnRelease } = options
    const isReadOnlySession = rule.ends === 'statement' && access === 'read'
    this.resets = this.dialect.texts.resets({ isReadOnlySession, owned: this.owned, resetOnRelease })
    this.#look()
    this.#tell('declared')
  }

  #openPool(): OpenPool {
    const pool = poolName(this.name, this.#generation)
    const tell = () => this.#tell('declared')
    const open = openPool(this.name, pool, this.#config, this.options, this.#inContext, tell)
    open.pool.books.whenUnknown = tell
    open.pool.books.lines.choice = this.options.holderLines
    return open
  }

  #look(): void {
    const stopReporting = addReporting(this)
    const stopWatchingHolds = watchLongHolds(() => this.#allBooks(), this.options)
    this.#stopLooking = () => {
      stopReporting()
      stopWatchingHolds()
    }
  }

  /** The books of the pool, and of replaced pools still in use. */
  *#allBooks() {
    yield this.#open.pool.books
    for (const { pool } of this.#draining) yield pool.books
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

  /** A knex on this engine's pool, outside any session: for migrations and scripts. */
  get knex(): Knex {
    return this.#open.knex
  }

  /** How to reach the server of the current pool. */
  get door(): ServerDoor {
    return this.#open.door()
  }

  /** The database, and how its driver is spoken to. */
  get dialect(): Dialect {
    return this.#open.pool.books.dialect
  }

  get owned(): boolean {
    return this.#open.owned
  }

  /** The name of the current pool; a `reinit` changes it. */
  get pool(): string {
    return this.#open.pool.books.pool
  }

  /** Whether the line of the next check-out is worth capturing. */
  get takesLine(): boolean {
    return this.#open.pool.books.takesLine
  }

  /** Has the lines of the next check-outs captured, because a unit of work went wrong. */
  somethingWentWrong(): void {
    this.#open.pool.books.lines.somethingWentWrong()
  }

  get description(): EngineDescription {
    return descriptionOf(this, this.#open)
  }

  report(): EngineReport {
    return reportOf(this, this.#open)
  }

  ask(text: string, values: unknown[], deadlineMs: number): Promise<SpareAnswer> {
    if (this.#closed) return Promise.resolve('the engine is closed')
    return askSpare(this.#open, { text, values, deadlineMs, replaced: this.#replaced })
  }

  askTruth(serverIds: readonly number[], deadlineMs: number): Promise<SpareAnswer> {
    const { truthQuestion, title } = this.dialect
    if (truthQuestion === undefined) return Promise.resolve(`${title} does not tell of locks`)
    return this.ask(truthQuestion, [serverIds], deadlineMs)
  }

  /** `writer#1, transaction, write: 2 of 10 connections held, 0 waiting`. */
  get summary(): string {
    return summaryOf(this, this.#open, this.#closed)
  }

  [INSPECT](...[, options, inspect]: InspectArguments): unknown {
    return shown('Engine', this.toJSON(), options, inspect)
  }

  toJSON(): EngineDescription {
    return this.description
  }

  /** Whether a check-out will probably succeed: the engine is open, and its last connection attempt did not fail. */
  get healthy(): boolean {
    return !this.#closed && !this.#failing
  }

  /**
   * Checks out a connection within `checkoutTimeoutMs` (the engine's own limit by default), unless it is abandoned
   * before. Rejects as `checkOut` of the pool does, or with EL_ENGINE_CLOSED.
   */
  checkOut(
    asker: Asker,
    abandoned?: Abandonment,
    checkoutTimeoutMs = this.options.checkoutTimeoutMs,
  ): Promise<Lease> {
    if (this.#closed) return Promise.reject(this.#closedError())
    const limits = { checkoutTimeoutMs, abandoned, replaced: this.#replaced, owner: this }
    return checkOut(this.#open.pool, asker, limits)
  }

  checkedOut(): void {
    this.#failing = false
  }

  /** A waiter of a pool that a reinit replaced is served by the new pool. */
  afterFailure(error: EnginelightError, asker: Asker, limits: WaitLimits): Promise<Lease> | undefined {
    if (error.code !== 'EL_CHECKOUT_FAILED') return undefined
    if (limits.replaced.isOver) {
      return this.checkOut(
        asker,
        limits.abandoned,
        Math.max(0, limits.checkoutTimeoutMs - (error.waitedMs ?? 0)),
      )
    }
    this.#failing = true
    return undefined
  }

  #closedError(): EnginelightError {
    return new EnginelightError('EL_ENGINE_CLOSED', `Engine "${this.name}" is closed.`, { engine: this.name })
  }

  requireOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  /** Opens the pool's minimum of connections, at least one, so that a wrong password shows at start. */
  async warmup(): Promise<void> {
    this.requireOpen()
    // Outside a request, the host has no connection in use.
    if (this.#open.source === 'borrowed') return
    const wanted = Math.max(1, this.#open.pool.min)
    const asker = () => ({ session: null, request: undefined, capture: null })
    const leases = await Promise.allSettled(Array.from({ length: wanted }, () => this.checkOut(asker())))
    for (const lease of leases) if (lease.status === 'fulfilled') lease.value.hold.release()
    const failure = leases.find(lease => lease.status === 'rejected')
    this.#failing = failure !== undefined
    if (failure) throw failure.reason
  }

  /**
   * Opens a new pool, then drains the old one: holders keep their connections until they release them. Resolves when
   * the old pool is closed. Throws EL_NOT_OWNED for a pool that the application made.
   */
  async reinit(): Promise<void> {
    this.requireOpen()
    this.requireOwned('reinit')
    const old = this.#open
    const replaced = this.#replaced
    // First, because the application's function may throw: then nothing has changed.
    this.#generation++
    let fresh: OpenPool
    try {
      fresh = this.#openPool()
    } catch (error) {
      this.#generation--
      throw error
    }
    this.#open = fresh
    this.#replaced = new Abandonment()
    this.#failing = false
    this.#tell('reinitialized')
    this.#draining.add(old)
    replaced.abandon()
    await this.#drain(old)
  }

  requireOwned(what: string): void {
    if (this.#open.owned) return
    const why =
      this.#open.source === 'borrowed'
        ? "its connections are its host's"
        : `its ${this.#open.source} was made by the application. Give a function that makes one instead`
    throw new EnginelightError('EL_NOT_OWNED', `Engine "${this.name}" cannot ${what}: ${why}.`, {
      engine: this.name,
    })
  }

  async #drain(old: OpenPool): Promise<void> {
    try {
      // A close that cuts a held connection leaves the pool waiting for its release.
      await Promise.race([old.pool.destroy(), this.#untilClosed])
    } finally {
      this.#draining.delete(old)
      old.pool.unwatch()
    }
  }

  // ------------------------------------------------------------------------------ taken over by another engine

  get generation(): number {
    return this.#generation
  }

  /**
   * The current pool, if an engine with this config can go on with it. Its connections, and the sessions that hold
   * them, stay.
   */
  poolFor(config: EngineConfig, options: CheckedOptions): OpenPool | undefined {
    if (this.#closed || this.#isHandedOn) return undefined
    return isSamePool({ config: this.#config, options: this.options }, { config, options })
      ? this.#open
      : undefined
  }

  /** Gives the pool to another engine. This engine's sessions use it until they end. */
  handOn(): void {
    this.#isHandedOn = true
    this.#stopLooking()
  }

  /**
   * Stops watching a pool that the application made, so that another engine may watch it. The pool stays usable. The
   * returned function starts watching again.
   */
  letGo(): () => void {
    if (this.#closed || this.#isHandedOn || this.owned) return () => {}
    this.#open.pool.unwatch()
    this.handOn()
    return () => {
      this.#isHandedOn = false
      this.#open = this.#openPool()
      this.#look()
    }
  }

  get isHandedOn(): boolean {
    return this.#isHandedOn
  }

  /** Whether both engines have the same pool. */
  shares(other: Engine): boolean {
    return this.#open === other.#open
  }

  /** Undoes the constructor, for an engine that goes on with another's pool. */
  discard(): void {
    this.handOn()
    this.#closed = true
  }

  /** Refuses every check-out from now on, including those already waiting. */
  refuse(): void {
    if (this.#closed) return
    this.#closed = true
    if (!this.#isHandedOn) this.#tellPhase('closing')
    this.#replaced.abandon()
  }

  /**
   * Closes the pools that we made, within the given time; connections still held then are cut. A pool of the
   * application is left open, and no longer watched when the sessions have ended. Resolves to the holders outside
   * sessions that were left after the grace.
   */
  async close(time: ClosingTime, sessionsEnded?: Promise<unknown>): Promise<CheckoutHolder[]> {
    this.refuse()
    const pools = this.#isHandedOn ? [...this.#draining] : [this.#open, ...this.#draining]
    const cut = await Promise.all(
      pools.map(async ({ pool, owned }) => {
        const held = owned ? await closePool(pool, time) : []
        // Without sessions, unwatch in the same tick: another engine may be given this pool next.
        if (sessionsEnded) await sessionsEnded
        pool.unwatch()
        return held
      }),
    )
    this.#hasClosed()
    this.#stopLooking()
    // A handed-on pool stays open, and so does the engine of this name.
    if (!this.#isHandedOn) this.#tellPhase('closed')
    return cut.flat()
  }

  /** All holders of connections, of draining pools as well. */
  holders(): CheckoutHolder[] {
    return [this.#open, ...this.#draining].flatMap(({ pool }) => pool.books.holders())
  }

  #tellPhase(phase: 'closing' | 'closed'): void {
    if (channels.engine.hasSubscribers) {
      channels.engine.publish({
        phase,
        at: performance.now(),
        engine: this.name,
        pool: this.pool,
      })
    }
  }
}

const poolName = (engine: string, generation: number) => `${engine}#${generation}`
