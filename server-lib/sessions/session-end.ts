import { channels } from '../channels/channels.ts'
import type { EndReason } from '../channels/words.ts'
import { settledWithin } from '../clock/deadline.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { messageIds } from './message-ids.ts'
import * as errors from './session-errors.ts'
import type { Ending } from './ending.ts'
import type { SessionLife } from './session-life.ts'
import type { SessionQueue } from './session-queue.ts'
import type { StatementSender } from './statement-sender.ts'
import { warnOfForgottenCommit, type FirstWrite } from './writes.ts'

/** What is used of the ending session. */
interface EndingSession {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  /** Whether the running turn is a commit. */
  readonly isCommitting: boolean
  /** The first write of the open transaction that is not undone and would be lost without a commit. */
  readonly uncommitted: FirstWrite | undefined
  /** The line of the last knex.transaction(), which looks like a commit but is only a savepoint. */
  readonly knexTransaction: SiteCapture | undefined
  /** Whether its lost writes were reported already. */
  readonly isToldAsLost: boolean
}

/** How long a cancelled statement may take to answer, before its connection is closed under it. */
const CANCEL_DEADLINE_MS = 1_000
const RELEASED = Promise.resolve(true)
/** Shared by all sessions without a listener for their end. Never written to. */
const NOBODY: (() => void)[] = []

/**
 * The end of a session. A running statement may finish within a grace, then is cancelled on the server. Uncommitted
 * work is rolled back. The connection is checked in, or closed where its state is doubtful.
 */
export class SessionEnd {
  readonly #session: EndingSession
  readonly #life: SessionLife
  readonly #queue: SessionQueue
  readonly #sender: StatementSender
  /** Set when the end begins; from then on every use is refused. */
  #released: Promise<boolean> | undefined
  #told = NOBODY
  /** The end waits no longer: nothing more is sent. */
  isCut = false
  /** Ends the grace of running statements. */
  #stopWaiting: (() => void) | undefined
  /** When the end must be over, if `hurry` has set a limit. */
  #over: Promise<void> | undefined

  constructor(session: EndingSession, life: SessionLife, queue: SessionQueue, sender: StatementSender) {
    this.#session = session
    this.#life = life
    this.#queue = queue
    this.#sender = sender
  }

  get hasBegun(): boolean {
    return this.#released !== undefined
  }

  /** Idempotent, never rejects. Resolves to whether the connection is confirmed released. */
  begin(graceMs: number, why: EndReason): Promise<boolean> {
    if (this.#released) return this.#released
    this.#released = this.#end(graceMs, why)
    for (const told of this.#told) told()
    return this.#released
  }

  /** Ends the session if it is idle and holds no connection, as after a commit. Returns whether it did. */
  beginIfIdle(): boolean {
    if (this.#released || this.#queue.busy || this.#life.held || this.#life.returned) return false
    this.#released = RELEASED
    for (const told of this.#told) told()
    this.#ended(true)
    return true
  }

  /** Calls `told` as soon as the session begins to end and refuses everything. */
  onBegun(told: () => void): void {
    if (this.#released) told()
    else if (this.#told === NOBODY) this.#told = [told]
    else this.#told.push(told)
  }

  async #end(graceMs: number, why: EndReason): Promise<boolean> {
    const queue = this.#queue
    faultPoint('end:due', this.#life.held?.driver.raw)
    const ended = () => errors.sessionEnded(this.#session)
    // With every new statement refused, an open unit could not end by itself.
    if (queue.holder) queue.refuseWaiting(ended())
    if (queue.isRunning && graceMs > 0 && !this.#over) {
      const hurried = new Promise<void>(resolve => void (this.#stopWaiting = resolve))
      await settledWithin(Promise.race([queue.whenStill(), hurried]), graceMs)
    }
    // A COMMIT is nearly always about to be answered, and if cut short its outcome would be unknown.
    if (queue.isRunning && this.#session.isCommitting)
      await settledWithin(queue.whenStill(), this.#session.engine.options.commitTimeoutMs)
    if (queue.waiting > 0) queue.refuseWaiting(ended())
    // A unit's function may go on: it gets the error at its next statement.
    const unwound = queue.breakOff(ended)
    if (queue.isRunning) await this.#cutShort()
    if (unwound) await settledWithin(unwound, CANCEL_DEADLINE_MS)
    if (this.#life.held) await this.#life.rollback('release', this.#forgotten(why) ?? { why })
    await this.#life.returned
    const released = this.#life.held === undefined
    this.#ended(released)
    return released
  }

  /** The reason `commit forgotten`, with a warning, when nothing failed and writes are about to be rolled back. */
  #forgotten(why: EndReason): Ending | undefined {
    const { uncommitted, request, engine, knexTransaction, isToldAsLost } = this.#session
    if (why !== 'finished without commit' || !uncommitted || request.hasFailed) return undefined
    const capture = uncommitted.capture ?? knexTransaction ?? null
    engine.somethingWentWrong()
    if (!isToldAsLost)
      warnOfForgottenCommit({
        engine: engine.name,
        label: request.label,
        request: request.id,
        capture,
        begun: this.#life.begunAt,
        isKnexTransaction: knexTransaction !== undefined,
      })
    return { why: 'commit forgotten', capture: capture ?? this.#life.begunAt }
  }

  #ended(released: boolean): void {
    this.#life.move('end')
    if (!channels.session.hasSubscribers) return
    const statements = this.#sender.count
    const ids = messageIds(this.#session)
    channels.session.publish({ phase: 'end', at: performance.now(), ...ids, released, statements })
  }

  /** Cancels the statement that still runs and closes its connection, because the cancel could hit a later one. */
  async #cutShort(): Promise<void> {
    this.isCut = true
    // Between two batches of a stream the server has nothing to cancel: it waits for the reader.
    this.#sender.stopReading(errors.sessionEnded(this.#session))
    const { held } = this.#life
    // Not awaited: the server may be out of reach, and the connection is closed all the same.
    void held?.cancel(this.#over)
    await settledWithin(this.#queue.whenStill(), CANCEL_DEADLINE_MS)
    if (held && this.#life.held === held) this.#life.discard(held, 'cancelled')
  }

  /**
   * Shortens an end, begun or to come: it no longer waits for running statements, and not even for the server once
   * `over` resolves.
   */
  hurry(over: Promise<void>): void {
    this.#over = over
    this.#stopWaiting?.()
    void over.then(() => {
      this.isCut = true
      const { held } = this.#life
      if (held) this.#life.discard(held, 'cut at close')
    })
  }
}
