import type { CommitSetup } from '../commit/commit.ts'
import { forgetNow } from '../commit/forget-soon.ts'
import { installOn, writesInCommits, type InstallReport } from '../commit/install.ts'
import { RecoveryLoop, type Recovery, type RecoveryOptions } from '../commit/recovery/recovery.ts'
import { EnginelightError } from '../errors.ts'
import { run, type RunHost } from '../run/run.ts'
import { Ring } from '../ring.ts'
import type { RunOptions } from '../run/run-options.ts'
import { checkClosing, checkOpening, checkScope } from './open-options.ts'
import { ContainerCore, unknownEngine, type ContainerSetup } from '../sessions/container.ts'
import { defineDb, type Db, type Definitions } from '../sessions/db.ts'
import { currentRequest, RequestScope, runInRequest, type Contained } from '../sessions/request-scope.ts'
import type { TransactionKind } from '../sessions/transaction-kind.ts'
import { closeReport, type CloseReport, type EndedWork } from './close-report.ts'
import { ClosingTime } from './closing-time.ts'
import type { Engine } from './engine.ts'
import type { EngineHandle, OpenOptions } from './engines.ts'
import { insides, type EnginesInside } from './engines-inside.ts'

/** A container and its public face. */
class OpenContainer<D extends Definitions> implements Contained {
  readonly core: ContainerCore
  readonly db: Db<D>

  constructor(
    setup: ContainerSetup,
    makeDb: (core: ContainerCore) => object,
    scope: RequestScope,
    request: unknown,
    signal: AbortSignal | undefined,
    kind?: TransactionKind,
  ) {
    this.core = new ContainerCore(setup, scope, request, signal, kind)
    this.db = makeDb(this.core) as Db<D>
  }

  unreleased(): string[] {
    return this.core.unreleased()
  }

  end(how: 'finished' | 'aborted', reason?: unknown): Promise<void> {
    return this.core.end(how, reason)
  }
}

/** The engines of one `createEngines`, and the containers that are open on them. */
export class EngineSet<D extends Definitions> implements EnginesInside<D>, RunHost<Db<D>> {
  readonly names: readonly string[]
  readonly isTransactional: boolean
  readonly #engines: ReadonlyMap<string, Engine>
  readonly #setup: ContainerSetup
  readonly #makeDb: (core: ContainerCore) => object
  /** Containers with a session: those that `close` has to wait for. */
  readonly #open = new Ring<ContainerCore>()
  readonly #recoveries = new Set<RecoveryLoop>()
  #closing: { time: ClosingTime; report: Promise<CloseReport> } | undefined

  constructor(engines: ReadonlyMap<string, Engine>, prefer: readonly string[], commits: CommitSetup) {
    this.#engines = engines
    this.names = [...engines.keys()]
    this.isTransactional = [...engines.values()].some(({ options }) => options.transactional)
    this.#makeDb = defineDb(this.names)
    this.#setup = {
      engines,
      prefer,
      savepointWaitMs: Math.max(...[...engines.values()].map(({ options }) => options.checkoutTimeoutMs)),
      commits,
      open: this.#open,
    }
    insides.set(this, this)
  }

  #engine(name: string): Engine {
    const engine = this.#engines.get(name)
    if (!engine) throw unknownEngine(name, this.names)
    return engine
  }

  get(name?: string): EngineHandle {
    if (name !== undefined) return this.#engine(name)
    return [...this.#engines.values()].find(engine => engine.options.isDefault) as Engine
  }

  containerFor(scope: RequestScope, request: unknown, signal?: AbortSignal): OpenContainer<D> {
    const known = scope.container(this) as OpenContainer<D> | undefined
    if (known) return known
    const made = new OpenContainer<D>(this.#setup, this.#makeDb, scope, request, signal)
    scope.addContainer(this, made)
    // The request was over before anybody asked: the container exists, and says so at each use.
    if (scope.ended) void made.core.end()
    return made
  }

  run<T>(fn: (db: Db<D>) => Promise<T> | T, options?: RunOptions): Promise<T> {
    return run(this, fn, options)
  }

  openFor(scope: RequestScope, request: unknown, kind: TransactionKind): OpenContainer<D> {
    const made = new OpenContainer<D>(this.#setup, this.#makeDb, scope, request, undefined, kind)
    scope.addContainer(this, made)
    return made
  }

  around(): OpenContainer<D> | undefined {
    const scope = currentRequest()
    return scope?.isOf(this) ? this.containerFor(scope, undefined) : undefined
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
    // All or none: one that is not ours must not leave the others replaced.
    for (const engine of engines) engine.requireOwned('reinit')
    await Promise.all(engines.map(engine => engine.reinit()))
  }

  install(): Promise<InstallReport[]> {
    return Promise.all([...this.#engines.values()].filter(writesInCommits).map(installOn))
  }

  recovery(options: RecoveryOptions = {}): Recovery {
    for (const engine of this.#engines.values()) engine.requireOpen()
    const recovery = new RecoveryLoop(this.#engines, options)
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
      this.#closing = { time, report: this.#close(time).finally(() => time.stop()) }
    }
    return this.#closing.report
  }

  async #close(time: ClosingTime): Promise<CloseReport> {
    // A pass that runs ends by itself: its next check-out is refused.
    for (const recovery of this.#recoveries) void recovery.stop()
    const engines = [...this.#engines.values()]
    while (!this.#open.isEmpty && !time.isGraceOver) await new Promise(resolve => setTimeout(resolve, 10))
    const forgetting = engines.flatMap(engine => forgetNow(engine) ?? [])
    if (forgetting.length > 0) await Promise.race([Promise.all(forgetting), time.graceOver])
    const holders = this.#open.isEmpty ? [] : engines.flatMap(engine => engine.holders())
    const ended: EndedWork[] = []
    const endings: Promise<void>[] = []
    for (const container of this.#open.members()) {
      ended.push(container.report(holders))
      endings.push(container.endBy(time.over, new Error('The engines were closed.')))
    }
    const sessionsEnded = endings.length > 0 ? Promise.all(endings) : undefined
    const cut = await Promise.all(engines.map(engine => engine.close(time, sessionsEnded)))
    return closeReport(ended, cut.flat())
  }
}
