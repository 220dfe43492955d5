import type { ContainerInfo } from '../requests/container-info.ts'
import { setMaxListeners } from 'node:events'
import { settledWithin, startDeadline } from '../clock/deadline.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import type { EndedWork } from './close-report.ts'
import { EnginelightError, warn, type CheckoutHolder } from '../channels/errors.ts'
import { Abandonment } from '../pool/abandonment.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { afterMove, type ContainerMove, type ContainerState } from './container-state.ts'
import { Commit, type CommitSetup } from '../commit/commit.ts'
import * as commitErrors from '../commit/commit-errors.ts'
import { Hooks, type HookLimit, type HookTime } from '../sessions/hooks.ts'
import type { CommitReport } from '../channels/outcomes.ts'
import type { EndReason } from '../channels/words.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { SessionCore, type SessionOwner } from '../sessions/session.ts'
import { Linked, type Ring } from '../clock/ring.ts'
import { ORDINARY, type TransactionKind } from '../sessions/transaction-kind.ts'
import type { Ending } from '../sessions/session-life.ts'
import { sessionFunction } from '../sessions/session-function.ts'
import type { Session } from '../sessions/session-types.ts'
import { ToldLines } from '../sessions/told-lines.ts'
import { runOutside, unitOfHook } from '../sessions/units/inside.ts'
import { runContainerSavepoint } from '../sessions/units/savepoint.ts'
import { unitIsOpen, unitUndone } from '../sessions/units/unit-errors.ts'
import type { Unit } from '../sessions/units/unit.ts'
import { Units } from '../sessions/units/units.ts'

export type EngineStatus = 'initialized' | 'started' | 'ended'

/** How long a statement that nobody awaited may go on after its request has finished, before it is cancelled. */
const END_GRACE_MS = 1_000

/** What the containers of one set of engines share. */
export interface ContainerSetup {
  readonly engines: ReadonlyMap<string, Engine>
  readonly prefer: readonly string[]
  /** How long a savepoint over all engines that does nothing is waited for. */
  readonly savepointWaitMs: number
  readonly commits: CommitSetup
  /** Where a container is from its first session until it has ended. */
  readonly open: Ring<ContainerCore>
  /** That of the engines which have taken over: what a container without a session begins with. */
  successor: ContainerSetup | undefined
}

/** A session from its first access, and whether its connection is confirmed released. */
interface Started {
  readonly core: SessionCore
  readonly session: Session
  released: boolean
}

const DONE = Promise.resolve()
/** Runs that took part in a container which was not committed, by the lines that wrote. */
const toldOfRuns = new ToldLines()

/** One request's sessions, one for each engine that it touches. */
export class ContainerCore extends Linked implements SessionOwner {
  readonly scope: RequestScope
  readonly info: ContainerInfo
  readonly kind: TransactionKind
  #setup: ContainerSetup
  readonly #sessions = new Map<string, Started>()
  readonly abandoned = new Abandonment()
  #forgetSignal: (() => void) | undefined
  #lastWritten: string | undefined
  #ending: Promise<void> | undefined
  #pause: Promise<void> | undefined
  #state: ContainerState = 'open'
  /** What doomed it, or the commit that failed. */
  #reason: unknown
  readonly #hooks = new Hooks()
  units: Units | undefined
  /** Runs that are under way in it: its own, and those that take part. */
  runs = 0
  /** A run that took part in it and believes that somebody commits. */
  #joined: string | undefined

  constructor(
    setup: ContainerSetup,
    scope: RequestScope,
    request: unknown,
    signal?: AbortSignal,
    kind: TransactionKind = ORDINARY,
  ) {
    super()
    this.#setup = setup
    this.scope = scope
    this.kind = kind
    this.info = { request, requestId: scope.id }
    if (signal) this.#endWith(signal)
  }

  #endWith(signal: AbortSignal): void {
    const onAbort = () => {
      void this.end('aborted', signal.reason).then(() => this.scope.end('aborted'))
    }
    if (signal.aborted) return onAbort()
    // One signal may end any number of containers: Node would warn of the eleventh.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onAbort, { once: true })
    // A signal that outlives the container (a server's shutdown signal) must not collect listeners.
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort)
  }

  get ended(): boolean {
    return this.#ending !== undefined
  }

  session(name: string): Session {
    return this.#started(name).session
  }

  /** The same by the handle of a unit: what it sends belongs to that in any context. */
  sessionIn(unit: Unit, name: string): Session {
    const { core } = this.#started(name)
    return unit.covers(core) ? sessionFunction(core, this.info, END_GRACE_MS, unit) : this.session(name)
  }

  #started(name: string): Started {
    const known = this.#sessions.get(name)
    if (known) return known
    if (this.#ending) throw this.#endedError(name)
    if (this.#sessions.size === 0) while (this.#setup.successor) this.#setup = this.#setup.successor
    const engine = this.#setup.engines.get(name)
    if (!engine) throw unknownEngine(name, [...this.#setup.engines.keys()])
    const core = new SessionCore(engine, this)
    if (this.#sessions.size === 0) this.#setup.open.join(this)
    const session = sessionFunction(core, this.info, END_GRACE_MS)
    const started: Started = { core, session, released: false }
    this.#sessions.set(name, started)
    return started
  }

  /** The engine last written here, else the first started one, else the first healthy one, in the preferred order. */
  anyName(): string {
    if (this.#lastWritten !== undefined) return this.#lastWritten
    const { prefer, engines } = this.#setup
    const name =
      prefer.find(one => this.#sessions.has(one)) ??
      prefer.find(one => engines.get(one)?.healthy) ??
      prefer[0]
    if (name === undefined) {
      throw new EnginelightError(
        'EL_UNKNOWN_ENGINE',
        'db.any has nothing to choose from: every engine is independent.',
        { known: [] },
      )
    }
    return name
  }

  /** The engines of which something would be lost if it ended now, without those that a request commits by itself. */
  uncommitted(): string[] {
    const isLeft = ({ core }: Started) => core.uncommitted && !core.engine.options.transactional
    return [...this.#sessions].filter(([, started]) => isLeft(started)).map(([name]) => name)
  }

  /** Whether it has a session on one of these. */
  uses(engines: ReadonlySet<Engine>): boolean {
    for (const { core } of this.#sessions.values()) if (engines.has(core.engine)) return true
    return false
  }

  wrote({ engine }: SessionCore): void {
    if (engine.options.enlist === 'atomic') this.#lastWritten = engine.name
  }

  status(): Record<string, EngineStatus> {
    const status: Record<string, EngineStatus> = {}
    for (const name of this.#setup.engines.keys()) {
      const session = this.#sessions.get(name)
      status[name] = !session ? 'initialized' : session.released ? 'ended' : 'started'
    }
    return status
  }

  /** What is shown of it: its owner, and how each engine stands. */
  shown(): Record<string, string> {
    const facts: Record<string, string> = { request: `${this.scope.label} (${this.scope.id})` }
    if (this.#state !== 'open') facts['state'] = this.#state
    for (const [name, status] of Object.entries(this.status())) {
      const core = this.#sessions.get(name)?.core
      // An engine may be called `request`.
      const key = name in facts ? `engine ${name}` : name
      facts[key] = core && status === 'started' ? `started, ${core.summary}` : status
    }
    return facts
  }

  /** Engines that were used and whose connection is not confirmed released. */
  unreleased(): string[] {
    return [...this.#sessions].filter(([, { released }]) => !released).map(([name]) => name)
  }

  // ------------------------------------------------------------------------------ commit and rollback

  get state(): ContainerState {
    return this.#state
  }

  get isDoomed(): boolean {
    return this.#state === 'doomed'
  }

  /** Whether a transaction is open that a commit would end. */
  get hasOpenTransaction(): boolean {
    return this.atomicSessions().some(core => core.isInTransaction)
  }

  /**
   * Whether the end of a request owes it a commit: a transactional engine was used, and something of it is open or has
   * failed and was not taken back, or somebody waits for the commit.
   */
  get isEnlisted(): boolean {
    if (this.#ending) return false
    if (this.#hooks.any && this.#sessions.size === 0) return true
    const isOwed = this.#state === 'failed' || this.#hooks.any
    for (const { core } of this.#sessions.values()) {
      if (core.engine.options.transactional && (isOwed || core.isInTransaction || core.isBusy)) return true
    }
    return false
  }

  /** Whether a transactional engine was asked for and nothing sent yet: a statement may be on its way. */
  get mayEnlist(): boolean {
    if (this.#ending) return false
    for (const { core } of this.#sessions.values()) {
      if (core.engine.options.transactional && core.isUnused) return true
    }
    return false
  }

  /** Whether a stream is being read from a session that takes part in a commit: the commit would wait for its reader. */
  get isReading(): boolean {
    return this.atomicSessions().some(core => core.isReading)
  }

  /** Resolves, within `ms`, to the name of an engine that takes part in a commit and is still busy; or when none is. */
  async whoIsBusy(ms: number): Promise<string | undefined> {
    const busy = this.atomicSessions().filter(core => core.isBusy)
    if (busy.length > 0) await settledWithin(Promise.all(busy.map(core => core.whenIdle())), ms)
    return busy.find(core => core.isBusy)?.engine.name
  }

  /** Whether a rollback would undo something. One whose statement has failed cannot be asked, and counts. */
  async hasChanged(): Promise<boolean> {
    for (const core of this.atomicSessions()) {
      if (core.isInTransaction && (await core.hasChanged())) return true
    }
    return false
  }

  /** The sessions that take part in a commit, in the order of their engines' declaration. */
  atomicSessions(): SessionCore[] {
    const cores: SessionCore[] = []
    for (const [name, { options }] of this.#setup.engines) {
      const started = takesPart(options) ? this.#sessions.get(name) : undefined
      if (started) cores.push(started.core)
    }
    return cores
  }

  #move(move: ContainerMove): void {
    const next = afterMove(this.#state, move)
    if (!next) throw this.#illegal(move)
    this.#state = next
  }

  #illegal(move: string): EnginelightError {
    const { label, id } = this.scope
    if (this.#state === 'doomed') return commitErrors.doomed(`${label} (${id})`, this.#reason)
    return commitErrors.illegal(move, this.#state, `${label} (${id})`, this.#reason)
  }

  /** Until a commit is over that its caller knows nothing of: what he asks for meanwhile begins after it. */
  get pause(): Promise<void> | undefined {
    return this.#pause
  }

  refusal({ engine }: SessionCore): Error | undefined {
    if (this.#state !== 'committing' && this.#state !== 'failed') return undefined
    if (!takesPart(engine.options)) return undefined
    return this.#illegal(`A statement of engine "${engine.name}"`)
  }

  /**
   * Commits what is open on every engine that takes part, all or nothing, and leaves the container usable. When it rejects
   * everything is rolled back but for what the error says, and only `rollback()` is possible. With `pauses` a transaction that
   * would begin meanwhile waits, and is not refused.
   */
  async commit(
    capture: SiteCapture | null = null,
    { pauses = false, limit }: { pauses?: boolean; limit?: HookLimit } = {},
  ): Promise<CommitReport> {
    this.requireOpen()
    if (this.#state !== 'open') throw this.#illegal('commit()')
    this.#requireWhole()
    this.#move('ask')
    try {
      await runOutside(() => this.#hooks.runBeforeCommit(() => this.#hookTime(limit)))
      // A hook has begun one and did not wait for it.
      this.#requireWhole()
    } catch (error) {
      const isLate = limit?.reason !== undefined || (error as { code?: unknown })?.code === 'EL_HOOK_TIMEOUT'
      // A rollback would wait for the statement that the hook waits for.
      if (isLate && this.atomicSessions().some(core => core.isBusy))
        await this.end('aborted', error, 'failed elsewhere')
      else await this.#failed(error, limit)
      throw error
    }
    // A hook has said so.
    if (this.isDoomed) throw this.#illegal('commit()')
    if (this.#ending) throw this.#endedError()
    this.#move('commit')
    let resume = () => {}
    if (pauses) this.#pause = new Promise(resolve => (resume = resolve))
    let report: CommitReport
    try {
      report = await new Commit(this.#setup.commits, this.scope, capture).run(this.atomicSessions())
      this.#move('done')
    } catch (error) {
      // Who waits is refused before the rollback, which would stand behind him in his session's queue.
      this.#reason = error
      this.#pause = undefined
      resume()
      await this.#failed(error, limit)
      throw error
    }
    this.#pause = undefined
    resume()
    this.#joined = undefined
    await runOutside(() => this.#hooks.committed(() => this.#hookTime(limit), report))
    return report
  }

  /** Throws where it has ended, or for the code that asks it has. */
  requireOpen(): void {
    if (this.#ending) throw this.#endedError()
    const refusal = this.callerRefusal()
    if (refusal) throw refusal
  }

  callerRefusal(): EnginelightError | undefined {
    return this.#hooks.refusal()
  }

  /** The hooks of a commit or rollback get as long as COMMIT does, on the least patient of the engines in use. */
  get hookTimeoutMs(): number {
    const used = this.atomicSessions().map(({ engine }) => engine)
    const engines = used.length > 0 ? used : [...this.#setup.engines.values()]
    return Math.min(...engines.map(({ options }) => options.commitTimeoutMs))
  }

  #hookTime(limit?: HookLimit): HookTime {
    return { timeoutMs: this.hookTimeoutMs, limit }
  }

  get canBeDoomed(): boolean {
    return !this.#ending && !this.callerRefusal() && afterMove(this.#state, 'doom') !== undefined
  }

  /** Whether something of this unit of work is committed already. */
  get hasCommitted(): boolean {
    return this.atomicSessions().some(session => session.hasCommitted)
  }

  /** A run has taken part: whoever the container belongs to has to commit it. */
  joined(label: string): void {
    this.#joined = label
  }

  /** A run has resolved, and what it wrote was rolled back as the container ended: set then. */
  lostRun: EnginelightError | undefined

  get hasToldOfRun(): boolean {
    return this.lostRun !== undefined
  }

  #warnOfRun(): void {
    const lost = this.atomicSessions().flatMap(({ engine, uncommitted }) =>
      uncommitted ? [{ name: engine.name, uncommitted }] : [],
    )
    if (this.#joined === undefined || lost.length === 0) return
    const { label, id } = this.scope
    const engines = lost.map(({ name }) => `"${name}"`).join(', ')
    const sentence = `The run "${this.#joined}" took part in the container of ${label} (${id}), which ended without commit: what was written on ${engines} is rolled back. Call db.commit(), or run it with propagation 'new'.`
    this.lostRun = new EnginelightError('EL_NOT_COMMITTED', sentence)
    const lines = lost.map(
      ({ name, uncommitted }) => `${name} ${siteOf(uncommitted.capture)?.label ?? label}`,
    )
    if (toldOfRuns.isNew(`${this.#joined} ${lines.join(' ')}`)) warn('EL_NOT_COMMITTED', sentence)
  }

  /** Throws where a part of the work is open that is to be kept or undone as one. */
  #requireWhole(): void {
    const unit = this.units?.areOpen ? this.units.among(this.atomicSessions()) : undefined
    const { label, id } = this.scope
    if (unit) throw unitIsOpen(unit, `in ${label} (${id})`, unit.session)
  }

  /** Runs a function inside of a savepoint on every engine that takes part in commits and that the function touches. */
  savepoint<T>(fn: (unit: Unit) => Promise<T> | T, handle?: Unit): Promise<T> {
    const refusal = this.#ending ? this.#endedError() : this.callerRefusal()
    if (refusal) return Promise.reject(refusal)
    if (this.#state === 'failed' || this.#state === 'committing')
      return Promise.reject(this.#illegal('savepoint()'))
    return runContainerSavepoint(this, fn, handle)
  }

  /** Ends the savepoints that are open: what is rolled back is nothing that their functions could go on with. */
  #breakOff(by: string): void {
    if (!this.units?.areOpen) return
    const { label, id } = this.scope
    const sentence = `A savepoint of ${label} (${id}) was undone by ${by}: what is sent from inside of it afterwards is refused.`
    this.units.breakOff(new EnginelightError('EL_ENDED', sentence, { move: by }))
  }

  unitsOf(): Units {
    return (this.units ??= new Units(this.#setup.savepointWaitMs))
  }

  undone(unit: Unit): Error {
    return unitUndone(unit, unit.session)
  }

  /** A commit, or a hook before it, has failed: nothing stays open. */
  async #failed(error: unknown, limit?: HookLimit): Promise<void> {
    this.#breakOff('a commit that failed')
    // An independent engine takes no part in a commit, nor in its failure.
    await rollBackAll(this.atomicSessions(), { why: 'failed elsewhere' })
    // Ended meanwhile, or doomed by a hook that then threw: the end or the doom is what is told from now on.
    if (afterMove(this.#state, 'fail')) this.#move('fail')
    this.#reason = error
    // A hook may have thrown anything.
    const { report } = (error ?? {}) as { report?: CommitReport }
    await this.#hooks.rolledBack(() => this.#hookTime(limit), report, error)
  }

  /** Rolls back every session and gives the connections back; the container is open again, doomed or not. */
  async rollback(why: EndReason = 'rollback', capture: SiteCapture | null = null): Promise<void> {
    this.requireOpen()
    this.#move('rollback')
    this.#breakOff('db.rollback()')
    this.#reason = undefined
    this.#joined = undefined
    const cores = [...this.#sessions.values()].map(({ core }) => core)
    const failure = await rollBackAll(cores, { why, capture })
    await this.#hooks.rolledBack(() => this.#hookTime())
    if (failure) throw failure.reason
  }

  /** Nothing of this unit of work may be committed any more. */
  doom(reason?: unknown): void {
    this.requireOpen()
    // The first reason is the one.
    if (!this.isDoomed) this.#reason = reason
    this.#move('doom')
  }

  /** Those that belong to the next commit, or to the unit that the code which asks is inside of. */
  hooksIn(from: Unit | undefined): Hooks {
    this.requireOpen()
    const unit = unitOfHook(this, from)
    return unit ? (unit.hooks ??= new Hooks()) : this.#hooks
  }

  callUndone(hooks: Hooks, error: unknown): Promise<void> {
    return this.#hooks.undone(hooks, () => this.#hookTime(), error)
  }

  /** What was written shows no mark: a function that writes, say. Throws EL_ILLEGAL_MOVE for an engine that only reads. */
  markChanged(name: string): void {
    const { core } = this.#started(name)
    const { access } = core.engine.options
    if (access === 'read') {
      throw new EnginelightError(
        'EL_ILLEGAL_MOVE',
        `Engine "${name}" has access 'read': nothing of it can be changed.`,
        { engine: name, move: 'markChanged', legalMoves: [] },
      )
    }
    core.markChanged()
    this.wrote(core)
  }

  /**
   * Ends every session, whatever becomes of the others: uncommitted work is rolled back, connections go back. After
   * an abort running statements are cancelled at once; otherwise they may finish within a second. Never rejects.
   */
  end(how: 'finished' | 'aborted' = 'finished', reason?: unknown, why?: EndReason): Promise<void> {
    this.#ending ??= this.#end(how, reason, why)
    return this.#ending
  }

  /**
   * Ends what is left at once, also of an end that has begun and still waits for a statement, and is done when `over`
   * is, whether the server answers or not.
   */
  endBy(over: Promise<void>, reason: unknown): Promise<void> {
    this.abandoned.abandon(reason)
    for (const { core } of this.#sessions.values()) core.hurry(over)
    return Promise.race([this.end('aborted', reason, 'engines closed'), over])
  }

  /** What it is doing, for those who have to know what was ended. */
  report(holders: readonly CheckoutHolder[]): EndedWork {
    const { label, id } = this.scope
    const sessions = [...this.#sessions.values()].map(({ core }) => ({
      engine: core.engine.name,
      state: core.state,
      holder: holders.find(({ session }) => session === core.id) ?? null,
    }))
    return { label, request: id, sessions }
  }

  #end(how: 'finished' | 'aborted', reason: unknown, why?: EndReason): Promise<void> {
    this.#forgetSignal?.()
    if (how === 'aborted') this.abandoned.abandon(reason)
    const because =
      why ??
      (this.isDoomed ? 'doomed' : how === 'aborted' ? 'client aborted' : ('finished without commit' as const))
    if (because === 'finished without commit' && !this.scope.hasFailed) this.#warnOfRun()
    const isCommitting = this.#state === 'committing'
    this.#state = 'ended'
    const busy: Started[] = []
    for (const started of this.#sessions.values()) {
      if (started.core.endIfIdle()) started.released = true
      else busy.push(started)
    }
    // A commit that is under way tells its hooks itself.
    if (busy.length > 0 || (this.#hooks.any && !isCommitting)) {
      return this.#endBusy(busy, how, because, isCommitting, reason)
    }
    this.#ended()
    return DONE
  }

  async #endBusy(
    sessions: readonly Started[],
    how: 'finished' | 'aborted',
    why: EndReason,
    isCommitting: boolean,
    reason: unknown,
  ): Promise<void> {
    const graceMs = how === 'aborted' ? 0 : END_GRACE_MS
    // A session that waits for a connection gives up when the grace is over.
    const deadline = graceMs > 0 ? startDeadline(graceMs, () => this.abandoned.abandon()) : undefined
    await Promise.all(
      sessions.map(async started => {
        started.released = await started.core.end(graceMs, why)
      }),
    )
    deadline?.stop()
    if (!isCommitting) {
      const told = this.#hooks.rolledBack(() => this.#hookTime(), undefined, reason)
      // After an abort nobody is left who would wait for longer than it takes to let go.
      await (how === 'aborted' ? settledWithin(told, END_GRACE_MS) : told)
    }
    this.#ended()
  }

  #ended(): void {
    this.leave()
  }

  #endedError(engine?: string): EnginelightError {
    const { label, id } = this.scope
    const what =
      engine === undefined ? 'The container' : `Engine "${engine}" was asked for, but the container`
    return new EnginelightError(
      'EL_ENDED',
      `${what} of ${label} (${id}) has ended.`,
      engine === undefined ? {} : { engine },
    )
  }
}

async function rollBackAll(cores: readonly SessionCore[], ending: Ending) {
  const results = await Promise.allSettled(cores.map(core => core.rollback(ending)))
  return results.find(result => result.status === 'rejected')
}

export function unknownEngine(name: string, known: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_UNKNOWN_ENGINE',
    `There is no engine "${name}"; there are ${known.join(', ')}.`,
    { engine: name, known },
  )
}
