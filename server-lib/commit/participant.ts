import type { Engine } from '../engines/engine.ts'
import type { EnginelightError } from '../channels/errors.ts'
import type { SiteCapture } from '../identity/site.ts'
import { failureOf } from '../dialect/known-dialects.ts'
import { commandOf } from '../dialect/result.ts'
import type { TwoPhase } from '../dialect/two-phase.ts'
import * as errors from '../sessions/session-errors.ts'
import type { SessionSeat } from '../sessions/transaction-turns.ts'
import { faultPoint } from '../identity/fault-points.ts'
import type { EngineOutcome, ParticipantRole } from '../channels/words.ts'
import type { Telling } from './telling.ts'

/** The result of PREPARE TRANSACTION. */
export type Prepared =
  | { readonly state: 'prepared' }
  | { readonly state: 'refused' | 'doubtful'; readonly cause: Error }

/** One session's part in a commit: it sends the session's steps, and has the outcome. */
export class Participant {
  readonly engine: Engine
  readonly #seat: SessionSeat
  readonly #telling: Telling
  readonly #capture: SiteCapture | null
  role: ParticipantRole = 'commits'
  /** The name under which it is prepared. */
  gid: string | null = null
  outcome: EngineOutcome = 'untouched'

  constructor(seat: SessionSeat, telling: Telling, capture: SiteCapture | null) {
    this.engine = seat.session.engine
    this.#seat = seat
    this.#telling = telling
    this.#capture = capture
  }

  get name(): string {
    return this.engine.name
  }

  get session(): string {
    return this.#seat.session.id
  }

  get life() {
    return this.#seat.life
  }

  get limitMs(): number {
    return this.engine.options.commitTimeoutMs
  }

  /** Only a participant of a dialect that has it is ever asked to prepare. */
  get #twoPhase(): TwoPhase {
    return this.engine.dialect.twoPhase as TwoPhase
  }

  leave(): void {
    this.#seat.leave()
  }

  /** Sends a statement of the commit in the open transaction. If the connection fails, the session is lost. */
  async send(text: string, deadlineMs: number) {
    const { life } = this
    const { held } = life
    if (!held) throw life.lostError()
    try {
      const result = await held.control(text, deadlineMs)
      return { command: commandOf(result), result }
    } catch (cause) {
      if (failureOf(cause) === 'connection') life.lose(held, cause as Error)
      throw cause
    }
  }

  /** Sends a plain COMMIT and checks the answer. Throws as `session.commit()` does. */
  async commit(options: { resolves?: boolean } = {}): Promise<void> {
    try {
      await this.#telling.step(this.name, 'commit', async () => {
        await this.life.commit({ why: 'commit', capture: this.#capture }, options)
        return 'COMMIT' as const
      })
      this.outcome = this.role === 'reads' ? 'ended' : 'committed'
    } catch (error) {
      const isUnknown = (error as EnginelightError).code === 'EL_COMMIT_UNKNOWN'
      this.outcome = this.role === 'reads' ? 'ended' : isUnknown ? 'unknown' : 'rolled back'
      throw error
    }
  }

  /** Rolls back the open transaction. Never rejects. */
  async rollback(): Promise<void> {
    const { life } = this
    if (life.state === 'idle' || life.state === 'ended') return
    await this.#telling.step(this.name, 'rollback', async () => {
      await life.rollback('rollback', { why: 'failed elsewhere', capture: this.#capture })
    })
    // After a COMMIT without an answer the outcome stays unknown.
    if (this.outcome === 'untouched') this.outcome = this.role === 'reads' ? 'ended' : 'rolled back'
  }

  /**
   * Hands the transaction over to the server. Resolves to `prepared`; to `refused`, with the reason, when the
   * transaction is gone; or to `doubtful` when the connection was lost before the answer, so that it may be prepared.
   */
  async prepare(): Promise<Prepared> {
    const { life, gid } = this
    const { held } = life
    if (!held || gid === null) return { state: 'refused', cause: life.lostError() }
    life.announceEnd({ why: 'commit', capture: this.#capture })
    let tag: string | null
    try {
      tag = await this.#telling.step(this.name, 'prepare', async () => {
        const answered = held.control(this.#twoPhase.prepare(gid), this.limitMs / 2)
        faultPoint('prepare:sent', held.driver.raw)
        const result = await answered
        faultPoint('prepare:answered', held.driver.raw)
        return commandOf(result)
      })
    } catch (error) {
      const cause = error as Error
      if (failureOf(cause) === 'connection') {
        life.lose(held, cause)
        return { state: 'doubtful', cause: life.failure ?? cause }
      }
      this.#rolledBack()
      return { state: 'refused', cause }
    }
    if (tag !== 'PREPARE') {
      // In a failed transaction PostgreSQL answers with ROLLBACK, without an error.
      const cause = errors.commitRolledBack(life, life.firstFailure)
      this.#rolledBack()
      return { state: 'refused', cause }
    }
    life.follow('prepare')
    return { state: 'prepared' }
  }

  /** Records that the server has rolled it back itself. */
  #rolledBack(): void {
    this.life.follow('rollback')
    this.life.giveBack()
    this.outcome = 'rolled back'
  }

  /** Ends the prepared transaction, on the connection that prepared it. Rejects when that is not possible, for any reason. */
  async endPrepared(how: 'commit' | 'rollback'): Promise<void> {
    const { life, gid } = this
    const { held } = life
    if (!held || gid === null) throw new Error('the connection that prepared it is gone')
    const [step, text] =
      how === 'commit'
        ? (['commit prepared', this.#twoPhase.commitPrepared(gid)] as const)
        : (['rollback prepared', this.#twoPhase.rollbackPrepared(gid)] as const)
    try {
      await this.#telling.step(this.name, step, async () => {
        const answered = held.control(text, this.limitMs / 2)
        faultPoint('end-prepared:sent', held.driver.raw)
        const tag = commandOf(await answered)
        faultPoint('end-prepared:answered', held.driver.raw)
        // pg only reads the first word of a tag.
        if (tag !== how.toUpperCase()) throw new Error(`${text} was answered with ${tag}`)
        return tag
      })
    } catch (error) {
      if (failureOf(error) === 'connection') life.lose(held, error as Error)
      throw error
    }
  }

  /** Releases the connection: the prepared transaction is ended, or left to others. */
  detach(how: 'commit' | 'rollback'): void {
    this.life.follow(how)
    this.life.giveBack()
  }
}
