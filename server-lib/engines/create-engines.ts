import { AsyncLocalStorage } from 'node:async_hooks'
import type { Knex } from 'knex'
import type { CommitSetup } from '../commit/commit.ts'
import { forgetNow } from '../commit/forget-soon.ts'
import { gidApplication } from '../commit/gid.ts'
import { installOn, takesPart, type InstallReport } from '../commit/install.ts'
import { RecoveryLoop, type Recovery, type RecoveryOptions } from '../commit/recovery/recovery.ts'
import { EnginelightError } from '../errors.ts'
import { run, type RunHost } from '../run/run.ts'
import type { RunOptions } from '../run/run-options.ts'
import { ContainerCore, unknownEngine, type ContainerSetup } from '../sessions/container.ts'
import { defineDb, RESERVED_NAMES, type Db, type Definitions } from '../sessions/db.ts'
import { currentRequest, RequestScope, runInRequest, type Contained } from '../sessions/request-scope.ts'
import type { TransactionKind } from '../sessions/transaction-kind.ts'
import { closeReport, type CloseReport, type EndedWork } from './close-report.ts'
import { ClosingTime } from './closing-time.ts'
import { checkOptions, describe, type CheckedOptions, type EngineConfig } from './engine-config.ts'
import type { EngineDescription } from './engine-description.ts'
import { Engine } from './engine.ts'
import type { InContext } from './open-pool.ts'

export interface EnginesOptions<Name extends string> {
  /** The application's name, in the panel and in reports. Default: none. */
  application?: string
  /** The order in which `db.any` looks. Default: as declared, without independent engines. */
  prefer?: readonly Name[]
  /**
   * Refuses a commit over several engines that have written where it cannot be two-phase (EL_TWO_PHASE_UNAVAILABLE).
   * Default false: they are committed one after the other then, and a failure in between is EL_PARTIAL_COMMIT.
   */
  requireTwoPhase?: boolean
}

export interface OpenOptions {
  /** What the work belongs to, found again as `db.info.request`. */
  request?: unknown
  /** Ends the container at once: running statements are cancelled, uncommitted work is rolled back. */
  signal?: AbortSignal
  /** How the work is called in the panel, in errors and spans. Default `open` and `scope`. */
  label?: string
}

/** One engine as the application sees it outside of any session. */
export interface EngineHandle {
  readonly name: string
  /** A knex on this engine's pool, outside of any session. Of a pg.Pool it runs on that pool. */
  readonly knex: Knex
  readonly description: EngineDescription
}

/** The engines of an application. One per process and database; make it once, at start. */
export interface Engines<D extends Definitions> {
  readonly names: readonly (keyof D & string)[]
  /** An engine by name; without a name the default one. */
  get(name?: keyof D & string): EngineHandle
  /** The container of the request or scope that this code runs in. Throws EL_NO_SCOPE outside of any. */
  readonly current: Db<D>
  /** A container that you end yourself: `await using db = engines.open()`. */
  open(options?: OpenOptions): Db<D>
  /** Runs a function with a container of its own, as `engines.current` and as its argument, and ends it after. */
  scope<T>(fn: (db: Db<D>) => Promise<T> | T, options?: OpenOptions): Promise<T>
  /**
   * Runs a function as one unit of work, with its container as `engines.current` and as its argument: committed on every engine when it
   * resolves, rolled back when it throws, run again where `retry` says so. Resolves to what the function resolved to.
   * Inside of a container (a request, a scope, another run) it takes part in that, which commits it; see `propagation`.
   * Rejects with the function's own error, or as `db.commit()` does, or with EL_RUN_ABORTED, EL_ILLEGAL_MOVE, EL_CONFIG.
   */
  run<T>(fn: (db: Db<D>) => Promise<T> | T, options?: RunOptions): Promise<T>
  /** Opens each pool's minimum of connections, at least one: a wrong password shows now and not at the first request. */
  warmup(): Promise<void>
  /**
   * Replaces the pool of one engine, or of all, without a moment in which there is none; resolves when the old
   * one is drained. Throws EL_NOT_OWNED for a pool that the application made itself.
   */
  reinit(name: (keyof D & string) | '!all'): Promise<void>
  /**
   * Creates the two tables that two-phase commits need, where they are missing, on each engine that can take part in one,
   * and says of each what its server allows. Safe at each start, and from many processes at once. Rejects never: an
   * engine that could not be reached says so in its report.
   */
  install(): Promise<InstallReport[]>
  /**
   * Ends prepared transactions of this application that a crash has left, as their decision says: a first pass at once,
   * then one every `everyMs`, until `stop()` or `close()`. Any number of processes may do so.
   */
  recovery(options?: RecoveryOptions): Recovery
  /**
   * Ends what is running and closes the pools that we made, within `graceMs` (default 5,000, at least 250), whatever
   * hangs. Containers and others may end by themselves for four fifths of it (all but the last second, where that is
   * more); then statements are cancelled, transactions rolled back, and what has not answered at the end is cut. A
   * pool that we were given is only not watched any more. Called again with less time it hurries.
   */
  close(options?: { graceMs?: number }): Promise<CloseReport>
}

/** What mounts and the tests of the library need beyond the public face. */
export interface EnginesInside<D extends Definitions = Definitions> {
  readonly names: readonly string[]
  /** Whether one of them is `transactional`. */
  readonly isTransactional: boolean
  containerFor(scope: RequestScope, request: unknown): { db: Db<D>; core: ContainerCore }
}

const insides = new WeakMap<object, EnginesInside>()

/** The inner side of a set of engines; throws EL_CONFIG for anything else. */
export function enginesInside(engines: unknown): EnginesInside {
  const inside = typeof engines === 'object' && engines !== null ? insides.get(engines) : undefined
  if (!inside) {
    const isForeign = typeof (engines as { containerFor?: unknown } | null)?.containerFor === 'function'
    throw new EnginelightError(
      'EL_CONFIG',
      isForeign
        ? 'The engines were made by another copy of enginelight: the package is installed or bundled twice.'
        : `The engines must come from createEngines(); this is ${describe(engines)}.`,
      { option: 'engines' },
    )
  }
  return inside
}

/**
 * Checks every engine's options, then opens them all. Makes no connection. Throws EL_CONFIG, EL_RESERVED_NAME,
 * EL_DUPLICATE_ENGINE, EL_UNKNOWN_ENGINE or EL_UNSUPPORTED_CLIENT, and then nothing was opened.
 */
export function createEngines<const D extends Definitions>(
  definitions: D,
  options: EnginesOptions<keyof D & string> = {},
): Engines<D> {
  const checked = checkDefinitions(definitions)
  const prefer = checkPrefer(checked, options.prefer)
  // Pools open connections in this context, not in that of the request that happens to need one first.
  const inContext = AsyncLocalStorage.snapshot() as InContext
  const { application = null, requireTwoPhase = false } = options
  if (typeof requireTwoPhase !== 'boolean') {
    throw new EnginelightError(
      'EL_CONFIG',
      `Option requireTwoPhase must be true or false, not ${describe(requireTwoPhase)}.`,
      { option: 'requireTwoPhase' },
    )
  }
  const engines = openAll(checked, application, inContext)
  const commits = {
    application: gidApplication(application),
    requireTwoPhase,
    engines: [...checked]
      .filter(
        ([
          ,
          {
            options: { enlist, mode },
          },
        ]) => enlist === 'atomic' && mode === 'transaction',
      )
      .map(([name]) => name),
  }
  return new EngineSet<D>(engines, prefer, commits)
}

type Checked = Map<string, { config: EngineConfig; options: CheckedOptions }>

function checkDefinitions(definitions: Definitions): Checked {
  if (typeof definitions !== 'object' || definitions === null || Object.keys(definitions).length === 0) {
    throw new EnginelightError(
      'EL_CONFIG',
      `createEngines needs at least one engine; it was given ${describe(definitions)}.`,
    )
  }
  const checked: Checked = new Map()
  const folded = new Map<string, string>()
  for (const [name, definition] of Object.entries(definitions)) {
    checkName(name, folded)
    if (typeof definition?.config !== 'object') {
      throw new EnginelightError(
        'EL_CONFIG',
        `Engine "${name}" must be made with engine<Tables>()({ … }); this is ${describe(definition)}.`,
        { engine: name },
      )
    }
    checked.set(name, { config: definition.config, options: checkOptions(name, definition.config) })
  }
  const defaults = [...checked].filter(([, { options }]) => options.isDefault).map(([name]) => name)
  if (defaults.length > 1) {
    throw new EnginelightError(
      'EL_DUPLICATE_ENGINE',
      `Only one engine can be the default; ${defaults.join(' and ')} both say so.`,
      { known: defaults },
    )
  }
  const [first] = checked
  if (defaults.length === 0 && first) first[1].options = { ...first[1].options, isDefault: true }
  return checked
}

function checkName(name: string, folded: Map<string, string>): void {
  if (RESERVED_NAMES.has(name)) {
    throw new EnginelightError(
      'EL_RESERVED_NAME',
      `An engine cannot be called "${name}": a container has something else under that name.`,
      { engine: name },
    )
  }
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name)) {
    throw new EnginelightError(
      'EL_CONFIG',
      `"${name.slice(0, 80)}" is no name for an engine: letters, digits, _ and -, at most 63.`,
      { engine: name.slice(0, 80) },
    )
  }
  const other = folded.get(name.toLowerCase())
  if (other !== undefined) {
    throw new EnginelightError(
      'EL_DUPLICATE_ENGINE',
      `The engines "${other}" and "${name}" differ only in case, and would be taken for one another.`,
      { engine: name },
    )
  }
  folded.set(name.toLowerCase(), name)
}

function checkPrefer(checked: Checked, prefer: readonly string[] | undefined): readonly string[] {
  const known = [...checked.keys()]
  const isAtomic = (name: string) => checked.get(name)?.options.enlist === 'atomic'
  if (prefer === undefined) return known.filter(isAtomic)
  if (!Array.isArray(prefer))
    throw new EnginelightError(
      'EL_CONFIG',
      `Option prefer must be a list of names, not ${describe(prefer)}.`,
      { option: 'prefer' },
    )
  for (const name of prefer as string[]) {
    if (!checked.has(name)) throw unknownEngine(name, known)
    if (!isAtomic(name)) {
      throw new EnginelightError(
        'EL_CONFIG',
        `Option prefer names "${name}", which is independent: db.any never chooses it.`,
        { engine: name, option: 'prefer' },
      )
    }
  }
  return prefer as string[]
}

function openAll(checked: Checked, application: string | null, inContext: InContext): Map<string, Engine> {
  const engines = new Map<string, Engine>()
  try {
    for (const [name, { config, options }] of checked) {
      engines.set(name, new Engine(name, config, options, application, inContext))
    }
    return engines
  } catch (error) {
    // Those before the one that failed have no connection yet; they only stop watching.
    const time = new ClosingTime(0)
    const closed = [...engines.values()].map(engine => engine.close(time))
    void Promise.all(closed).finally(() => time.stop())
    throw error
  }
}

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

class EngineSet<D extends Definitions> implements EnginesInside<D>, RunHost<Db<D>> {
  readonly names: readonly string[]
  readonly isTransactional: boolean
  readonly #engines: ReadonlyMap<string, Engine>
  readonly #setup: ContainerSetup
  readonly #makeDb: (core: ContainerCore) => object
  /** Containers with a session: those that `close` has to wait for. */
  readonly #open = new Set<ContainerCore>()
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
      commits,
      opened: container => void this.#open.add(container),
      closed: container => void this.#open.delete(container),
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

  open({ request, signal, label = 'open' }: OpenOptions = {}): Db<D> {
    const scope = new RequestScope('unscoped', label, null, this.names)
    return this.containerFor(scope, request, signal).db
  }

  async scope<T>(
    fn: (db: Db<D>) => Promise<T> | T,
    { request, signal, label = 'scope' }: OpenOptions = {},
  ): Promise<T> {
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
    return Promise.all([...this.#engines.values()].filter(takesPart).map(installOn))
  }

  recovery(options: RecoveryOptions = {}): Recovery {
    for (const engine of this.#engines.values()) engine.requireOpen()
    const recovery = new RecoveryLoop(this.#engines, options)
    this.#recoveries.add(recovery)
    return recovery
  }

  async close({ graceMs = 5_000 }: { graceMs?: number } = {}): Promise<CloseReport> {
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
    while (this.#open.size > 0 && !time.isGraceOver) await new Promise(resolve => setTimeout(resolve, 10))
    const forgetting = engines.flatMap(engine => forgetNow(engine) ?? [])
    if (forgetting.length > 0) await Promise.race([Promise.all(forgetting), time.graceOver])
    const holders = this.#open.size > 0 ? engines.flatMap(engine => engine.holders()) : []
    const ended: EndedWork[] = []
    const endings: Promise<void>[] = []
    for (const container of this.#open) {
      ended.push(container.report(holders))
      endings.push(container.endBy(time.over, new Error('The engines were closed.')))
    }
    const sessionsEnded = endings.length > 0 ? Promise.all(endings) : undefined
    const cut = await Promise.all(engines.map(engine => engine.close(time, sessionsEnded)))
    return closeReport(ended, cut.flat())
  }
}
