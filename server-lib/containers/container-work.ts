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

/** The container whose work it is. */
interface WorkOwner {
  readonly scope: RequestScope
  readonly sessions: StartedSessions
  readonly units: Units | undefined
  readonly commits: CommitSetup
  requireNotEnded(): void
  /** Throws where it has ended, or for the code that asks it has. */
  requireOpen(): void
  end(how: 'aborted', reason: unknown, why: EndReason): Promise<void>
  /** Nothing is left that a run which took part could lose. */
  forgetRun(): void
}

/** What is committed, rolled back or doomed as one: the transactions of a container's sessions, and its hooks. */
export class ContainerWork {
  readonly hooks = new Hooks()
  readonly #owner: WorkOwner
  #state: ContainerState = 'open'
  /** What doomed it, or the commit that failed. */
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

  /** Until a commit is over that its caller knows nothing of: a transaction that would begin meanwhile begins after it. */
  get pause(): Promise<void> | undefined {
    return this.#pause
  }

  /** The container ends. Whether a commit is under way, which tells its hooks itself. */
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

  /** Why a transaction of a session cannot begin now, if it cannot: it commits, or has failed to. */
  refusal({ engine }: SessionCore): EnginelightError | undefined {
    return takesPart(engine.options) ? this.moveRefusal(`A statement of engine "${engine.name}"`) : undefined
  }

  /** Why nothing can be added to it now, if that is so. */
  moveRefusal(move: string): EnginelightError | undefined {
    return this.#state === 'committing' || this.#state === 'failed' ? this.#illegal(move) : undefined
  }

  /**
   * Commits what is open on every engine that takes part, all or nothing, and leaves the container usable. When it rejects
   * everything is rolled back but for what the error says, and only `rollback()` is possible. With `pauses` a transaction that
   * would begin meanwhile waits, and is not refused.
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
      // A hook has begun one and did not wait for it.
      this.#requireWhole()
    } catch (error) {
      const isLate = limit?.reason !== undefined || (error as { code?: unknown })?.code === 'EL_HOOK_TIMEOUT'
      // A rollback would wait for the statement that the hook waits for.
      if (isLate && owner.sessions.atomic().some(core => core.isBusy))
        await owner.end('aborted', error, 'failed elsewhere')
      else await this.#failed(error, limit)
      throw error
    }
    // A hook has said so.
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
      // What waits is refused before the rollback, which would stand behind it in its session's queue.
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

  /** Throws where a part of the work is open that is to be kept or undone as one. */
  #requireWhole(): void {
    const { units, sessions } = this.#owner
    const unit = units?.areOpen ? units.among(sessions.atomic()) : undefined
    if (unit) throw unitIsOpen(unit, `in ${this.#label}`, unit.session)
  }

  /** Ends the savepoints that are open: what is rolled back is nothing that their functions could go on with. */
  #breakOff(by: string): void {
    const { units } = this.#owner
    if (!units?.areOpen) return
    const sentence = `A savepoint of ${this.#label} was undone by ${by}: what is sent from inside of it afterwards is refused.`
    units.breakOff(new EnginelightError('EL_ENDED', sentence, { move: by }))
  }

  /** A commit, or a hook before it, has failed: nothing stays open. */
  async #failed(error: unknown, limit?: HookLimit): Promise<void> {
    this.#breakOff('a commit that failed')
    // An independent engine takes no part in a commit, nor in its failure.
    await rollBackAll(this.#owner.sessions.atomic(), { why: 'failed elsewhere' })
    // Ended meanwhile, or doomed by a hook that then threw: the end or the doom is what is told from now on.
    if (afterMove(this.#state, 'fail')) this.#move('fail')
    this.#reason = error
    // A hook may have thrown anything.
    const { report } = (error ?? {}) as { report?: CommitReport }
    await this.hooks.rolledBack(() => this.#hookTime(limit), report, error)
  }

  /** Rolls back every session and gives the connections back; the container is open again, doomed or not. */
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

  /** Nothing of it may be committed any more. */
  doom(reason: unknown): void {
    this.#owner.requireOpen()
    // The first reason is the one.
    if (!this.isDoomed) this.#reason = reason
    this.#move('doom')
  }

  /** A part of the work was undone: calls what was asked for inside of it. Never rejects. */
  undone(hooks: Hooks, error: unknown): Promise<void> {
    return this.hooks.undone(hooks, () => this.#hookTime(), error)
  }

  /** What was not committed was rolled back at the end. Never rejects. */
  endedWith(reason: unknown): Promise<void> {
    return this.hooks.rolledBack(() => this.#hookTime(), undefined, reason)
  }
}

async function rollBackAll(cores: readonly SessionCore[], ending: Ending) {
  const results = await Promise.allSettled(cores.map(core => core.rollback(ending)))
  return results.find(result => result.status === 'rejected')
}
