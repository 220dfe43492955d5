import { channels } from '../channels/channels.ts'
import type { EndReason } from '../channels/words.ts'
import { settledWithin } from '../clock/deadline.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import * as errors from './session-errors.ts'
import type { Ending } from './ending.ts'
import type { SessionLife } from './session-life.ts'
import type { SessionQueue } from './session-queue.ts'
import type { StatementSender } from './statement-sender.ts'
import { warnOfForgottenCommit, type FirstWrite } from './writes.ts'

/** The session that ends. */
interface EndingSession {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  /** Whether the turn that runs is a commit. */
  readonly isCommitting: boolean
  /** The first write of the open transaction that is not undone and would be lost without a commit. */
  readonly uncommitted: FirstWrite | undefined
  /** The line of the last knex.transaction(), which promises a commit that there is not. */
  readonly knexTransaction: SiteCapture | undefined
  /** Whether somebody has told already that what it wrote is lost. */
  readonly isToldAsLost: boolean
}

/** How long a cancelled statement may take to answer, before its connection is closed under it. */
const CANCEL_DEADLINE_MS = 1_000
const RELEASED = Promise.resolve(true)
/** Shared by all sessions whose end nobody asks for. Never written to. */
const NOBODY: (() => void)[] = []

/**
 * The end of a session. What runs may finish within a grace, then is cancelled on the server; what is uncommitted is rolled
 * back; the connection goes back, or is closed where it cannot be trusted.
 */
export class SessionEnd {
  readonly #session: EndingSession
  readonly #life: SessionLife
  readonly #queue: SessionQueue
  readonly #sender: StatementSender
  /** Set as the end begins; from then on every use is refused. */
  #released: Promise<boolean> | undefined
  #told = NOBODY
  /** The end waits no longer: nothing more is sent. */
  isCut = false
  /** Ends the time in which what runs may finish. */
  #stopWaiting: (() => void) | undefined
  /** When nothing is waited for any longer, where somebody has said so. */
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

  /** Ends a session that does nothing and holds nothing, as one does that has committed. Whether it was such a one. */
  beginIfIdle(): boolean {
    if (this.#released || this.#queue.busy || this.#life.held || this.#life.returned) return false
    this.#released = RELEASED
    for (const told of this.#told) told()
    this.#ended(true)
    return true
  }

  /** Calls as soon as the session begins to end, and refuses everything. */
  onBegun(told: () => void): void {
    if (this.#released) told()
    else if (this.#told === NOBODY) this.#told = [told]
    else this.#told.push(told)
  }

  async #end(graceMs: number, why: EndReason): Promise<boolean> {
    const queue = this.#queue
    faultPoint('end:due', this.#life.held?.driver)
    const ended = () => errors.sessionEnded(this.#session)
    // What is sent from now on is refused, so no unit comes to an end by itself.
    if (queue.holder) queue.refuseWaiting(ended())
    if (queue.isRunning && graceMs > 0 && !this.#over) {
      const hurried = new Promise<void>(resolve => void (this.#stopWaiting = resolve))
      await settledWithin(Promise.race([queue.whenStill(), hurried]), graceMs)
    }
    // A COMMIT is nearly always about to be answered, and whoever cuts it short cannot tell what became of it.
    if (queue.isRunning && this.#session.isCommitting)
      await settledWithin(queue.whenStill(), this.#session.engine.options.commitTimeoutMs)
    if (queue.waiting > 0) queue.refuseWaiting(ended())
    // A unit whose function goes on is told when it asks for something.
    const unwound = queue.breakOff(ended)
    if (queue.isRunning) await this.#cutShort()
    if (unwound) await settledWithin(unwound, CANCEL_DEADLINE_MS)
    if (this.#life.held) await this.#life.rollback('release', this.#forgotten(why) ?? { why })
    await this.#life.returned
    const released = this.#life.held === undefined
    this.#ended(released)
    return released
  }

  /** Nothing has failed, and what was written is about to be rolled back: tells of it, and says so as the reason. */
  #forgotten(why: EndReason): Ending | undefined {
    const { uncommitted, request, engine, knexTransaction, isToldAsLost } = this.#session
    if (why !== 'finished without commit' || !uncommitted || request.hasFailed) return undefined
    const capture = uncommitted.capture ?? knexTransaction ?? null
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
    const { id, engine, request } = this.#session
    const statements = this.#sender.count
    const ids = { id, engine: engine.name, request: request.id }
    channels.session.publish({ phase: 'end', at: performance.now(), ...ids, released, statements })
  }

  /** A statement still runs: it is cancelled, and its connection closed, since the cancel could hit a later one. */
  async #cutShort(): Promise<void> {
    this.isCut = true
    // Between two batches the server has nothing that it could cancel: it waits for the reader.
    this.#sender.stopReading(errors.sessionEnded(this.#session))
    const { held } = this.#life
    // Not awaited: the server may be out of reach, and then the connection is closed all the same.
    void held?.cancel(this.#over)
    await settledWithin(this.#queue.whenStill(), CANCEL_DEADLINE_MS)
    if (held && this.#life.held === held) this.#life.discard(held, 'cancelled')
  }

  /** An end, begun or to come, waits no longer for what runs, and for no answer of the server when `over` is. */
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
