import { AsyncLocalStorage } from 'node:async_hooks'
import { channels } from '../channels/channels.ts'
import type { ModeRule } from '../engines/modes.ts'
import type { SiteCapture } from '../identity/site.ts'
import { Fifo, type Turn } from './fifo.ts'
import { unitFor } from './units/inside.ts'
import { breakOff, queueOf } from './units/place.ts'
import type { Unit, UnitQueue, UnitSession, UnitTurn } from './units/unit.ts'
import type { Units } from './units/units.ts'
import { lineUp } from './units/wait.ts'

/** The place where a statement queues. By default the async context decides. */
export interface Where {
  /** The unit whose handle sends it. */
  readonly unit?: Unit | undefined
  /** A queue that the caller already holds. */
  readonly queue?: UnitQueue
  /** It comes from a library that the session is lent to. Instead of joining another transaction it waits for that to end. */
  readonly isLent?: boolean
}

/** What the queue uses of its session. */
interface QueuedSession extends UnitSession {
  readonly engine: UnitSession['engine'] & { readonly options: { readonly rule: ModeRule } }
  readonly owner: UnitSession['owner'] & { readonly units: Units | undefined }
}

export const HERE: Where = {}

/** The queue of a session. An open unit holds a turn here, and only the statements in the unit's own queue run. */
export class SessionQueue extends Fifo<UnitTurn> {
  readonly #session: QueuedSession

  constructor(session: QueuedSession) {
    super()
    this.#session = session
  }

  /** Pushes a turn to the queue of the unit that it is sent inside of, or whose handle sends it. */
  lineUp({ queue, unit, isLent = false }: Where, capture: SiteCapture | null, turn: Turn<UnitTurn>): void {
    const session = this.#session
    const { owner } = session
    if (queue) return queue.push(this.#inContext(queue, turn))
    if (!owner.units) return this.push(turn)
    const from = unitFor(unit)
    let around: UnitQueue
    try {
      around = queueOf(session, from, isLent ? 'unit' : 'statement', capture)
    } catch (error) {
      return turn.refuse(error as Error)
    }
    const isOwn = from?.places.get(session)?.fifo === around
    const start = (done: () => void) => {
      // It was sent from a unit that was being kept, and was undone instead.
      if (!isOwn && from?.state === 'undone' && from.covers(session)) {
        turn.refuse(session.undone(from))
        return done()
      }
      turn.start(done)
    }
    const what = isLent ? 'A statement of a library' : 'A statement'
    const asker = { from, owner, session, capture, what, isLent }
    const own = { ...turn, start }
    lineUp(around, around === this ? own : this.#inContext(around, own), asker)
  }

  override push(turn: Turn<UnitTurn>): void {
    super.push(this.#inContext(this, turn))
  }

  /**
   * A waiting statement is sent in its caller's async context, not in that of the previous turn: there the host is
   * asked for its connection, and observers are called.
   */
  #inContext(queue: UnitQueue, turn: Turn<UnitTurn>): Turn<UnitTurn> {
    if (!queue.busy || !this.#isAsked) return turn
    const inContext = AsyncLocalStorage.snapshot()
    return { ...turn, start: done => inContext(() => turn.start(done)) }
  }

  /** Whether the async context matters. */
  get #isAsked(): boolean {
    if (this.#session.engine.options.rule.ends === 'host') return true
    return channels.statement.hasSubscribers || channels.checkout.hasSubscribers
  }

  /** The queue of the innermost open unit. */
  get #innermost(): UnitQueue {
    let { holder } = this
    while (holder?.fifo.holder) ({ holder } = holder.fifo)
    return holder?.fifo ?? this
  }

  /** Whether a statement is under way. */
  get isRunning(): boolean {
    return this.#innermost.busy
  }

  /** Resolves when no statement is under way. */
  async whenStill(): Promise<void> {
    for (let queue = this.#innermost; queue.busy; queue = this.#innermost) await queue.whenIdle()
  }

  /**
   * Ends the open unit and those inside it; their functions get the error at their next statement, or when they end.
   * Resolves when none of their statements runs; undefined when no unit is open.
   */
  breakOff(why: () => Error): Promise<void> | undefined {
    return this.holder && breakOff(this.holder, this.#session, why())
  }
}
