import { setMaxListeners } from 'node:events'
import { EnginelightError, type CheckoutHolder } from '../channels/errors.ts'
import type { CommitReport } from '../channels/outcomes.ts'
import type { EndReason } from '../channels/words.ts'
import { settledWithin, startDeadline } from '../clock/deadline.ts'
import { Linked, type Ring } from '../clock/ring.ts'
import type { CommitSetup } from '../commit/commit.ts'
import type { SiteCapture } from '../identity/site.ts'
import { Abandonment } from '../pool/abandonment.ts'
import type { ContainerInfo } from '../requests/container-info.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { Hooks, type HookLimit } from '../sessions/hooks.ts'
import { SessionCore } from '../sessions/session.ts'
import type { SessionOwner } from '../sessions/session-owner.ts'
import { summaryOf } from '../sessions/shown-session.ts'
import { sessionFunction } from '../sessions/session-function.ts'
import type { Session } from '../sessions/session-types.ts'
import { ORDINARY, type TransactionKind } from '../sessions/transaction-kind.ts'
import { unitOfHook } from '../sessions/units/inside.ts'
import { runContainerSavepoint } from '../sessions/units/savepoint.ts'
import { unitUndone } from '../sessions/units/unit-errors.ts'
import type { Unit } from '../sessions/units/unit.ts'
import { Units } from '../sessions/units/units.ts'
import type { EndedWork } from './close-report.ts'
import { ContainerWork } from './container-work.ts'
import { lostRun } from './lost-run.ts'
import { StartedSessions, type StartableEngines, type Started } from './started-sessions.ts'

/** How long an unawaited statement may run on after its request has finished, before it is cancelled. */
const END_GRACE_MS = 1_000

/** What all containers of one set of engines share. */
export interface ContainerSetup extends StartableEngines {
  /** How long others wait for a savepoint over all engines while it does nothing. */
  readonly savepointWaitMs: number
  readonly commits: CommitSetup
  /** The containers that have a session and have not ended. */
  readonly open: Ring<ContainerCore>
  /** The setup of the engines that have replaced these. A container that has no session yet switches to it. */
  successor: ContainerSetup | undefined
}

const DONE = Promise.resolve()

/**
 * One request's sessions, one for each engine that it touches. The file is long because it has every entry point that
 * sessions, runs and requests use.
 */
export class ContainerCore extends Linked implements SessionOwner {
  readonly scope: RequestScope
  readonly info: ContainerInfo
  readonly kind: TransactionKind
  readonly sessions: StartedSessions
  readonly #work: ContainerWork
  #setup: ContainerSetup
  readonly abandoned = new Abandonment()
  #forgetSignal: (() => void) | undefined
  #ending: Promise<void> | undefined
  units: Units | undefined
  /** Runs under way in the container: its own, and those that joined it. */
  runs = 0
  /** The name of a joined run, which relies on the container's owner for its commit. */
  #joined: string | undefined
  /** Set when a run has resolved and its writes were rolled back at the container's end. */
  lostRun: EnginelightError | undefined

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
    this.sessions = new StartedSessions(setup)
    this.#work = new ContainerWork(this)
    if (signal) this.#endWith(signal)
  }

  #endWith(signal: AbortSignal): void {
    const onAbort = () => {
      void this.end('aborted', signal.reason).then(() => this.scope.end('aborted'))
    }
    if (signal.aborted) return onAbort()
    // One signal may end any number of containers: Node would warn about the eleventh listener.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onAbort, { once: true })
    // A signal that outlives the container (a server's shutdown signal) must not collect listeners.
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort)
  }

  // ---------------------------------------------------------------------------------------- sessions

  session(name: string): Session {
    return this.#started(name).session
  }

  /** The session as a unit's handle: in any context, its statements belong to the unit. */
  sessionIn(unit: Unit, name: string): Session {
    const { core } = this.#started(name)
    return unit.covers(core) ? sessionFunction(core, this.info, END_GRACE_MS, unit) : this.session(name)
  }

  #started(name: string): Started {
    const known = this.sessions.get(name)
    if (known) return known
    if (this.#ending) throw this.#endedError(name)
    if (this.sessions.size === 0) this.#followSuccessor()
    return this.sessions.start(name, engine => {
      const core = new SessionCore(engine, this)
      if (this.sessions.size === 0) this.#setup.open.join(this)
      return { core, session: sessionFunction(core, this.info, END_GRACE_MS), released: false }
    })
  }

  #followSuccessor(): void {
    while (this.#setup.successor) this.#setup = this.#setup.successor
    this.sessions.follow(this.#setup)
  }

  wrote(session: SessionCore): void {
    this.sessions.wrote(session)
  }

  unreleased(): string[] {
    return this.sessions.unreleased()
  }

  /**
   * Marks that the engine's transaction has written although no statement shows it, as a function that writes. Throws
   * EL_ILLEGAL_MOVE for an engine that only reads.
   */
  markChanged(name: string): void {
    const { core } = this.#started(name)
    if (core.engine.options.access === 'read') {
      throw new EnginelightError(
        'EL_ILLEGAL_MOVE',
        `Engine "${name}" has access 'read': nothing of it can be changed.`,
        { engine: name, move: 'markChanged', legalMoves: [] },
      )
    }
    core.markChanged()
    this.wrote(core)
  }

  /** What `console.log` shows: the request, and the status of each engine. */
  shown(): Record<string, string> {
    const facts: Record<string, string> = { request: `${this.scope.label} (${this.scope.id})` }
    if (this.#work.state !== 'open') facts['state'] = this.#work.state
    for (const [name, status] of Object.entries(this.sessions.status())) {
      const core = this.sessions.get(name)?.core
      // An engine may be called `request`.
      const key = name in facts ? `engine ${name}` : name
      facts[key] = core && status === 'started' ? `started, ${summaryOf(core)}` : status
    }
    return facts
  }

  // ------------------------------------------------------------------------------ commit and rollback

  get isDoomed(): boolean {
    return this.#work.isDoomed
  }

  get canBeDoomed(): boolean {
    return !this.#ending && !this.callerRefusal() && this.#work.canBeDoomed
  }

  get pause(): Promise<void> | undefined {
    return this.#work.pause
  }

  refusal(session: SessionCore): Error | undefined {
    return this.#work.refusal(session)
  }

  /**
   * Whether the request's end must commit: a transactional engine was used and has a transaction open, or failed and
   * not yet taken back, or a hook waits for the commit.
   */
  get isEnlisted(): boolean {
    if (this.#ending) return false
    const { any: isAwaited } = this.#work.hooks
    if (isAwaited && this.sessions.size === 0) return true
    const isOwed = isAwaited || this.#work.state === 'failed'
    return this.sessions.anyTransactional(core => isOwed || core.isInTransaction || core.isBusy)
  }

  /** Whether a transactional engine has a session that has sent nothing yet: a statement may be on its way. */
  get mayEnlist(): boolean {
    return !this.#ending && this.sessions.anyTransactional(core => core.isUnused)
  }

  /** Whether part of this unit of work is committed already. */
  get hasCommitted(): boolean {
    return this.sessions.atomic().some(session => session.hasCommitted)
  }

  commit(
    capture: SiteCapture | null = null,
    options: { pauses?: boolean; limit?: HookLimit } = {},
  ): Promise<CommitReport> {
    return this.#work.commit(capture, options)
  }

  rollback(why: EndReason = 'rollback', capture: SiteCapture | null = null): Promise<void> {
    return this.#work.rollback(why, capture)
  }

  doom(reason?: unknown): void {
    this.#work.doom(reason)
  }

  get commits(): CommitSetup {
    return this.#setup.commits
  }

  requireNotEnded(): void {
    if (this.#ending) throw this.#endedError()
  }

  /** Throws when the container has ended, or when the calling code must not use it any more. */
  requireOpen(): void {
    this.requireNotEnded()
    const refusal = this.callerRefusal()
    if (refusal) throw refusal
  }

  callerRefusal(): EnginelightError | undefined {
    return this.#work.hooks.refusal()
  }

  // ------------------------------------------------------------------------------------ runs and units

  /** A run has joined: the container's owner has to commit it. */
  joined(label: string): void {
    this.#joined = label
  }

  forgetRun(): void {
    this.#joined = undefined
  }

  get hasToldOfRun(): boolean {
    return this.lostRun !== undefined
  }

  /** Runs a function inside a savepoint on every engine that it touches and that takes part in commits. */
  savepoint<T>(fn: (unit: Unit) => Promise<T> | T, handle?: Unit): Promise<T> {
    const refusal = this.#ending
      ? this.#endedError()
      : (this.callerRefusal() ?? this.#work.moveRefusal('savepoint()'))
    return refusal ? Promise.reject(refusal) : runContainerSavepoint(this, fn, handle)
  }

  unitsOf(): Units {
    return (this.units ??= new Units(this.#setup.savepointWaitMs))
  }

  undone(unit: Unit): Error {
    return unitUndone(unit, unit.session)
  }

  /** The hooks of the unit that the calling code is inside of, or else of the next commit. */
  hooksIn(from: Unit | undefined): Hooks {
    this.requireOpen()
    const unit = unitOfHook(this, from)
    return unit ? (unit.hooks ??= new Hooks()) : this.#work.hooks
  }

  callUndone(hooks: Hooks, error: unknown): Promise<void> {
    return this.#work.undone(hooks, error)
  }

  // ------------------------------------------------------------------------------------------ the end

  get ended(): boolean {
    return this.#ending !== undefined
  }

  /**
   * Ends every session, even when others fail: uncommitted work is rolled back, connections are released. After an
   * abort, running statements are cancelled at once; otherwise they may finish within a second. Never rejects.
   */
  end(how: 'finished' | 'aborted' = 'finished', reason?: unknown, why?: EndReason): Promise<void> {
    this.#ending ??= this.#end(how, reason, why)
    return this.#ending
  }

  /**
   * Ends all sessions at once, even when an end has begun and still waits for a statement. Resolves no later than
   * `over`, whether the server answers or not.
   */
  endBy(over: Promise<void>, reason: unknown): Promise<void> {
    this.abandoned.abandon(reason)
    for (const { core } of this.sessions.all()) core.hurry(over)
    return Promise.race([this.end('aborted', reason, 'engines closed'), over])
  }

  /** What the container is doing, for the report of what was ended. */
  report(holders: readonly CheckoutHolder[]): EndedWork {
    const { label, id } = this.scope
    return { label, request: id, sessions: this.sessions.reports(holders) }
  }

  #end(how: 'finished' | 'aborted', reason: unknown, why?: EndReason): Promise<void> {
    this.#forgetSignal?.()
    if (how === 'aborted') this.abandoned.abandon(reason)
    const because =
      why ??
      (this.isDoomed ? 'doomed' : how === 'aborted' ? 'client aborted' : ('finished without commit' as const))
    if (this.#joined !== undefined && because === 'finished without commit' && !this.scope.hasFailed)
      this.lostRun = lostRun(this.#joined, this.scope, this.sessions.atomic())
    const isCommitting = this.#work.end()
    const busy: Started[] = []
    for (const started of this.sessions.all()) {
      if (started.core.endIfIdle()) started.released = true
      else busy.push(started)
    }
    // A commit under way calls its hooks itself.
    const told = isCommitting ? undefined : () => this.#work.endedWith(reason)
    if (busy.length > 0 || (this.#work.hooks.any && told)) return this.#endBusy(busy, how, because, told)
    this.leave()
    return DONE
  }

  async #endBusy(
    busy: readonly Started[],
    how: 'finished' | 'aborted',
    why: EndReason,
    tellHooks: (() => Promise<void>) | undefined,
  ): Promise<void> {
    const graceMs = how === 'aborted' ? 0 : END_GRACE_MS
    // A session still waiting for a connection gives up when the grace is over.
    const deadline = graceMs > 0 ? startDeadline(graceMs, () => this.abandoned.abandon()) : undefined
    await Promise.all(
      busy.map(async started => {
        started.released = await started.core.end(graceMs, why)
      }),
    )
    deadline?.stop()
    const told = tellHooks?.()
    // After an abort no caller is left to wait for slow hooks.
    if (told) await (how === 'aborted' ? settledWithin(told, END_GRACE_MS) : told)
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
