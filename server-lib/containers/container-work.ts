import { EnginelightError } from '../channels/errors.ts'
import type { CommitReport } from '../channels/outcomes.ts'
import type { EndReason } from '../channels/words.ts'
import * as commitErrors from '../commit/commit-errors.ts'
import { Commit, type CommitSetup } from '../commit/commit.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { Hooks, type HookLimit, type HookTime } from '../sessions/hooks.ts'
import type { SessionCore } from '../sessions/session.ts'
import type { Ending } from '../sessions/ending.ts'
import { runOutside } from '../sessions/units/inside.ts'
import { unitIsOpen } from '../sessions/units/unit-errors.ts'
import type { Units } from '../sessions/units/units.ts'
import { afterMove, type ContainerMove, type ContainerState } from './container-state.ts'
import type { StartedSessions } from './started-sessions.ts'

/** The container that the work belongs to. */
interface WorkOwner {
  readonly scope: RequestScope
  readonly sessions: StartedSessions
  readonly units: Units | undefined
  readonly commits: CommitSetup
  requireNotEnded(): void
  /** Throws when the container has ended, or when the calling code must not use it any more. */
  requireOpen(): void
  end(how: 'aborted', reason: unknown, why: EndReason): Promise<void>
  /** Called when a joined run can lose nothing any more. */
  forgetRun(): void
}

/** What is committed, rolled back or doomed as one: the transactions of a container's sessions, and its hooks. */
export class ContainerWork {
  readonly hooks = new Hooks()
  readonly #owner: WorkOwner
  #state: ContainerState = 'open'
  /** The reason given to `doom`, or the error of the failed commit. */
  #reason: unknown
  #pause: Promise<void> | undefined

  constructor(owner: WorkOwner) {
    this.#owner = owner
  }

  get state(): ContainerState {
    return this.#state
  }

  get isDoomed(): boolean {
    return this.#state === 'doomed'
  }

  get canBeDoomed(): boolean {
    return afterMove(this.#state, 'doom') !== undefined
  }

  /**
   * Set during a commit that other callers do not know of; resolves when it is over. Transactions that would begin
   * meanwhile begin after it.
   */
  get pause(): Promise<void> | undefined {
    return this.#pause
  }

  /** Called when the container ends. Returns whether a commit is under way: it then calls its hooks itself. */
  end(): boolean {
    const isCommitting = this.#state === 'committing'
    this.#state = 'ended'
    return isCommitting
  }

  #move(move: ContainerMove): void {
    const next = afterMove(this.#state, move)
    if (!next) throw this.#illegal(move)
    this.#state = next
  }

  get #label(): string {
    const { label, id } = this.#owner.scope
    return `${label} (${id})`
  }

  #illegal(move: string): EnginelightError {
    if (this.isDoomed) return commitErrors.doomed(this.#label, this.#reason)
    return commitErrors.illegal(move, this.#state, this.#label, this.#reason)
  }

  /** Why a transaction of this session cannot begin now: the container commits, or has failed to. Undefined where it can. */
  refusal({ engine }: SessionCore): EnginelightError | undefined {
    return takesPart(engine.options) ? this.moveRefusal(`A statement of engine "${engine.name}"`) : undefined
  }

  /** Why nothing can be added to the work now; undefined where it can. */
  moveRefusal(move: string): EnginelightError | undefined {
    return this.#state === 'committing' || this.#state === 'failed' ? this.#illegal(move) : undefined
  }

  /**
   * Commits all open transactions of the engines that take part, all or nothing, and leaves the container usable. On
   * rejection everything is rolled back, except as the error says, and only `rollback()` is possible. With `pauses`,
   * transactions that would begin meanwhile wait instead of being refused.
   */
  async commit(
    capture: SiteCapture | null,
    { pauses = false, limit }: { pauses?: boolean; limit?: HookLimit },
  ): Promise<CommitReport> {
    const owner = this.#owner
    owner.requireOpen()
    if (this.#state !== 'open') throw this.#illegal('commit()')
    this.#requireWhole()
    this.#move('ask')
    try {
      await runOutside(() => this.hooks.runBeforeCommit(() => this.#hookTime(limit)))
      // A hook may have opened a savepoint without awaiting it.
      this.#requireWhole()
    } catch (error) {
      const isLate = limit?.reason !== undefined || (error as { code?: unknown })?.code === 'EL_HOOK_TIMEOUT'
      // A rollback would queue behind the very statement that the hook is waiting for.
      if (isLate && owner.sessions.atomic().some(core => core.isBusy))
        await owner.end('aborted', error, 'failed elsewhere')
      else await this.#failed(error, limit)
      throw error
    }
    // A hook may have called `doom()`.
    if (this.isDoomed) throw this.#illegal('commit()')
    owner.requireNotEnded()
    this.#move('commit')
    let resume = () => {}
    if (pauses) this.#pause = new Promise(resolve => (resume = resolve))
    let report: CommitReport
    try {
      report = await new Commit(owner.commits, owner.scope, capture).run(owner.sessions.atomic())
      this.#move('done')
    } catch (error) {
      // Waiting statements are refused before the rollback, which would otherwise queue behind them in their session.
      this.#reason = error
      this.#pause = undefined
      resume()
      await this.#failed(error, limit)
      throw error
    }
    this.#pause = undefined
    resume()
    owner.forgetRun()
    await runOutside(() => this.hooks.committed(() => this.#hookTime(limit), report))
    return report
  }

  #hookTime(limit?: HookLimit): HookTime {
    return { timeoutMs: this.#owner.sessions.hookTimeoutMs, limit }
  }

  /** Throws while a savepoint is open. */
  #requireWhole(): void {
    const { units, sessions } = this.#owner
    const unit = units?.areOpen ? units.among(sessions.atomic()) : undefined
    if (unit) throw unitIsOpen(unit, `in ${this.#label}`, unit.session)
  }

  /** Ends the open savepoints: their functions cannot go on with work that is rolled back. */
  #breakOff(by: string): void {
    const { units } = this.#owner
    if (!units?.areOpen) return
    const sentence = `A savepoint of ${this.#label} was undone by ${by}: what is sent from inside of it afterwards is refused.`
    units.breakOff(new EnginelightError('EL_ENDED', sentence, { move: by }))
  }

  /** Rolls everything back after a failed commit or beforeCommit hook. */
  async #failed(error: unknown, limit?: HookLimit): Promise<void> {
    this.#breakOff('a commit that failed')
    // An independent engine takes no part in a commit, nor in its failure.
    await rollBackAll(this.#owner.sessions.atomic(), { why: 'failed elsewhere' })
    // Not when the container ended meanwhile, or a hook doomed it and then threw: errors then name the end or the doom.
    if (afterMove(this.#state, 'fail')) {
      this.#move('fail')
      this.#reason = error
    }
    // A hook may have thrown anything.
    const { report } = (error ?? {}) as { report?: CommitReport }
    await this.hooks.rolledBack(() => this.#hookTime(limit), report, error)
  }

  /** Rolls back every session and releases their connections. The container is open again, doomed or not. */
  async rollback(why: EndReason, capture: SiteCapture | null): Promise<void> {
    const owner = this.#owner
    owner.requireOpen()
    this.#move('rollback')
    this.#breakOff('db.rollback()')
    this.#reason = undefined
    owner.forgetRun()
    const cores = [...owner.sessions.all()].map(({ core }) => core)
    const failure = await rollBackAll(cores, { why, capture })
    await this.hooks.rolledBack(() => this.#hookTime())
    if (failure) throw failure.reason
  }

  /** Forbids every commit until `rollback()`. */
  doom(reason: unknown): void {
    this.#owner.requireOpen()
    // The first reason wins.
    if (!this.isDoomed) this.#reason = reason
    this.#move('doom')
  }

  /** Calls the afterRollback hooks of a savepoint that was undone. Never rejects. */
  undone(hooks: Hooks, error: unknown): Promise<void> {
    return this.hooks.undone(hooks, () => this.#hookTime(), error)
  }

  /** Calls the afterRollback hooks when the container has ended without a commit. Never rejects. */
  endedWith(reason: unknown): Promise<void> {
    return this.hooks.rolledBack(() => this.#hookTime(), undefined, reason)
  }
}

async function rollBackAll(cores: readonly SessionCore[], ending: Ending) {
  const results = await Promise.allSettled(cores.map(core => core.rollback(ending)))
  return results.find(result => result.status === 'rejected')
}
