import { isDeepStrictEqual } from 'node:util'
import type { CommitSetup } from '../commit/commit.ts'
import { forgetNow } from '../commit/forget-soon.ts'
import { installOn, writesInCommits, type InstallReport } from '../commit/install.ts'
import { RecoveryLoop, type Recovery, type RecoveryOptions } from '../commit/recovery/recovery.ts'
import { EnginelightError } from '../channels/errors.ts'
import { run, type RunHost } from '../run/run.ts'
import { INSPECT, shown, type InspectArguments } from '../identity/inspected.ts'
import { Ring } from '../clock/ring.ts'
import type { RunOptions } from '../run/run-options.ts'
import type { ContainerCore, ContainerSetup } from '../containers/container.ts'
import { unknownEngine } from '../containers/started-sessions.ts'
import { defineDb, type Db, type Definitions } from '../containers/db.ts'
import { currentRequest, RequestScope, runInRequest } from '../requests/request-scope.ts'
import type { TransactionKind } from '../sessions/transaction-kind.ts'
import { closeReport, type CloseReport, type EndedWork } from '../containers/close-report.ts'
import { ClosingTime } from '../engines/closing-time.ts'
import type { Engine } from '../engines/engine.ts'
import type { CheckedOptions, EngineConfig } from '../engines/engine-config.ts'
import { checkClosing, checkOpening, checkScope } from './call-options.ts'
import type { EngineHandle, OpenOptions } from './engines.ts'
import { insides, type EnginesInside } from './engines-inside.ts'
import { OpenContainer, type MakeDb } from './open-container.ts'
import type { HandOver } from './hot.ts'
import type { OpenPool } from '../engines/open-pool.ts'

/**
 * The engines of one `createEngines`, and the containers open on them. A replaced set forwards to its successor, for a
 * module that was evaluated before and goes on using it.
 */
export class EngineSet<D extends Definitions> implements EnginesInside<D>, RunHost<Db<D>> {
  readonly names: readonly string[]
  /** The same object for all sets of a `hot` key: a request has one container for all of them. */
  readonly identity: object
  requests = 0
  /** Gives up the `hot` key, if there is one. */
  forgetHot: (() => void) | undefined
  readonly #own: ReadonlyMap<string, Engine>
  readonly #setup: ContainerSetup
  readonly #makeDb: MakeDb
  /** Containers with a session: `close` has to wait for these. */
  readonly #open: Ring<ContainerCore>
  readonly #recoveries = new Set<RecoveryLoop>()
  /** The recoveries of replaced sets, until this one has its own. */
  #inherited: readonly RecoveryLoop[] = []
  #successor: EngineSet<Definitions> | undefined
  /**
   * Whether a set of another copy of the package has the key. Requests that have not asked for a container yet still
   * get it here.
   */
  #isReplaced = false
  #closing: { time: ClosingTime; report: Promise<CloseReport> } | undefined

  constructor(
    engines: ReadonlyMap<string, Engine>,
    prefer: readonly string[],
    commits: CommitSetup,
    before?: object,
  ) {
    const known = before instanceof EngineSet ? before : undefined
    this.#own = engines
    // A set that is being closed ends all containers open on it.
    this.#open = known && !known.#closing ? known.#open : new Ring()
    this.identity = known ? known.identity : {}
    this.names = [...engines.keys()]
    this.#makeDb = known && isDeepStrictEqual(known.names, this.names) ? known.#makeDb : defineDb(this.names)
    this.#setup = {
      engines,
      prefer,
      savepointWaitMs: Math.max(...[...engines.values()].map(({ options }) => options.checkoutTimeoutMs)),
      commits,
      open: this.#open,
      successor: undefined,
    }
    insides.set(this, this)
  }

  // ------------------------------------------------------------------------------ taken over by another set

  /**
   * The pools of a set that engines with these configs can go on with, by name. Empty for a set of another copy of the
   * package.
   */
  static poolsOf(
    before: object | undefined,
    checked: ReadonlyMap<string, { readonly config: EngineConfig; readonly options: CheckedOptions }>,
  ): Map<string, OpenPool> {
    const kept = new Map<string, OpenPool>()
    if (!(before instanceof EngineSet) || before.#closing) return kept
    for (const [name, { config, options }] of checked) {
      const open = before.#own.get(name)?.poolFor(config, options)
      if (open) kept.set(name, open)
    }
    return kept
  }

  handOver(): HandOver {
    const engines = [...this.#own.values()]
    return {
      set: this,
      generations: Object.fromEntries(engines.map(({ name, generation }) => [name, generation])),
      letGo: kept => {
        const takeBack = engines.filter(({ name }) => !kept.has(name)).map(engine => engine.letGo())
        return () => takeBack.forEach(again => again())
      },
      succeededBy: set => {
        if (set instanceof EngineSet) {
          for (const [name, engine] of this.#own) if (set.#takes(name, engine)) engine.handOn()
          set.#inherited = [...this.#inherited, ...this.#recoveries]
          this.#inherited = []
          this.#recoveries.clear()
          this.#successor = set
          this.#setup.successor = set.#setup
        } else {
          this.#isReplaced = true
        }
        void this.close()
      },
    }
  }

  #takes(name: string, engine: Engine): boolean {
    return this.#own.get(name)?.shares(engine) === true
  }

  [INSPECT](...[, options, inspect]: InspectArguments): unknown {
    return shown('Engines', this.toJSON(), options, inspect)
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries([...this.#engines].map(([name, engine]) => [name, engine.summary]))
  }

  /** This set, or its latest successor. */
  get #now(): EngineSet<Definitions> {
    return this.#successor ? this.#successor.#now : this
  }

  get #engines(): ReadonlyMap<string, Engine> {
    return this.#now.#own
  }

  get isTransactional(): boolean {
    return [...this.#engines.values()].some(({ options }) => options.transactional)
  }

  #engine(name: string): Engine {
    const engine = this.#engines.get(name)
    if (!engine) throw unknownEngine(name, [...this.#engines.keys()])
    return engine
  }

  get(name?: string): EngineHandle {
    if (name !== undefined) return this.#engine(name)
    return [...this.#engines.values()].find(engine => engine.options.isDefault) as Engine
  }

  containerFor(
    scope: RequestScope,
    request: unknown,
    signal?: AbortSignal,
  ): { readonly core: ContainerCore; readonly db: Db<D> } {
    const known = scope.container(this.identity) as OpenContainer<D> | undefined
    if (known) return known instanceof OpenContainer ? known.as(this.#makeDb) : known
    const made = new OpenContainer<D>(this.#now.#setup, this.#makeDb, scope, request, signal)
    scope.addContainer(this.identity, made)
    // The request had ended before: the container exists, and throws at each use.
    if (scope.ended) void made.core.end()
    return made
  }

  run<T>(fn: (db: Db<D>) => Promise<T> | T, options?: RunOptions): Promise<T> {
    return run(this, fn, options)
  }

  openFor(scope: RequestScope, request: unknown, kind: TransactionKind): OpenContainer<D> {
    const made = new OpenContainer<D>(this.#now.#setup, this.#makeDb, scope, request, undefined, kind)
    scope.addContainer(this.identity, made)
    return made
  }

  around(): { readonly core: ContainerCore; readonly db: Db<D> } | undefined {
    const scope = currentRequest()
    return scope?.isOf(this.identity) ? this.containerFor(scope, undefined) : undefined
  }

  get current(): Db<D> {
    const scope = currentRequest()
    if (!scope) {
      throw new EnginelightError(
        'EL_NO_SCOPE',
        'engines.current was read outside of any request: mount sessions(engines) before the handlers, or use engines.scope(fn) or engines.open().',
      )
    }
    return this.containerFor(scope, undefined).db
  }

  open(options: OpenOptions = {}): Db<D> {
    checkOpening('open()', options)
    const { request, signal, label = 'open' } = options
    const scope = new RequestScope('unscoped', label, null, this.names)
    return this.containerFor(scope, request, signal).db
  }

  async scope<T>(fn: (db: Db<D>) => Promise<T> | T, options: OpenOptions = {}): Promise<T> {
    checkScope(fn, options)
    const { request, signal, label = 'scope' } = options
    const scope = new RequestScope('scope', label, null, this.names)
    const { core, db } = this.containerFor(scope, request, signal)
    try {
      const value = await runInRequest(scope, () => fn(db))
      await core.end()
      // A run inside it resolved, but its work was rolled back: the scope's caller must not believe it was committed.
      if (core.lostRun) throw core.lostRun
      scope.end('finished')
      return value
    } catch (error) {
      await core.end('finished', error, 'handler failed')
      scope.end('failed')
      throw error
    }
  }

  async warmup(): Promise<void> {
    await Promise.all([...this.#engines.values()].map(engine => engine.warmup()))
  }

  async reinit(name: string): Promise<void> {
    const engines = name === '!all' ? [...this.#engines.values()] : [this.#engine(name)]
    // All or none: an engine that is not ours must not leave the others replaced.
    for (const engine of engines) engine.requireOwned('reinit')
    await Promise.all(engines.map(engine => engine.reinit()))
  }

  install(): Promise<InstallReport[]> {
    return Promise.all([...this.#engines.values()].filter(writesInCommits).map(installOn))
  }

  recovery(options: RecoveryOptions = {}): Recovery {
    if (this.#successor) return this.#now.recovery(options)
    for (const engine of this.#own.values()) engine.requireOpen()
    const recovery = new RecoveryLoop(() => this.#engines, options)
    for (const older of this.#inherited) void older.stop()
    this.#inherited = []
    this.#recoveries.add(recovery)
    return recovery
  }

  async close(options: { graceMs?: number } = {}): Promise<CloseReport> {
    checkClosing(options)
    const { graceMs = 5_000 } = options
    if (this.#closing) {
      this.#closing.time.hurry(graceMs)
    } else {
      const time = new ClosingTime(graceMs)
      const done = () => {
        time.stop()
        this.forgetHot?.()
      }
      this.#closing = { time, report: this.#close(time).finally(done) }
    }
    return this.#closing.report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(time: ClosingTime): Promise<CloseReport> {
    // A running pass ends by itself: its next check-out is refused.
    for (const recovery of [...this.#inherited, ...this.#recoveries]) void recovery.stop()
    const engines = [...this.#own.values()]
    const isEnding = this.#whichEnd(engines)
    const isInUse = () => this.#open.find(isEnding) !== undefined || (this.#isReplaced && this.requests > 0)
    while (isInUse() && !time.isGraceOver) await new Promise(resolve => setTimeout(resolve, 10))
    const forgetting = engines.flatMap(engine => forgetNow(engine) ?? [])
    if (forgetting.length > 0) await Promise.race([Promise.all(forgetting), time.graceOver])
    const left = this.#open.members().filter(isEnding)
    const holders = left.length === 0 ? [] : engines.flatMap(engine => engine.holders())
    const ended: EndedWork[] = []
    const endings: Promise<void>[] = []
    for (const container of left) {
      ended.push(container.report(holders))
      endings.push(container.endBy(time.over, new Error('The engines were closed.')))
    }
    const sessionsEnded = endings.length > 0 ? Promise.all(endings) : undefined
    const cut = await Promise.all(engines.map(engine => engine.close(time, sessionsEnded)))
    return closeReport(ended, cut.flat())
  }

  /**
   * Whether a container ends with this set. All do, unless another set has taken over: then only those that use a
   * closing engine.
   */
  #whichEnd(engines: readonly Engine[]): (container: ContainerCore) => boolean {
    if (!this.#successor) return () => true
    const closed = new Set(engines.filter(({ isHandedOn }) => !isHandedOn))
    return closed.size === 0 ? () => false : container => container.sessions.uses(closed)
  }
}
