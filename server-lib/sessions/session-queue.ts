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

/** Where a statement has its turn. Without it the async context decides. */
export interface Where {
  /** The unit whose handle it is sent by. */
  readonly unit?: Unit | undefined
  /** A queue that is held already. */
  readonly queue?: UnitQueue
  /** It comes from a library that the session is lent to, and waits for the transaction of another instead of being part of it. */
  readonly isLent?: boolean
}

/** The session of a queue, as it uses it. */
interface QueuedSession extends UnitSession {
  readonly engine: UnitSession['engine'] & { readonly options: { readonly rule: ModeRule } }
  readonly owner: UnitSession['owner'] & { readonly units: Units | undefined }
}

export const HERE: Where = {}

/** The queue of a session. While a unit is open it holds a turn here, and nothing runs but what is in the unit's own queue. */
export class SessionQueue extends Fifo<UnitTurn> {
  readonly #session: QueuedSession

  constructor(session: QueuedSession) {
    super()
    this.#session = session
  }

  /** Pushes a turn where it belongs: in the unit that it is sent inside of, or by the handle of. */
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
      // It came from a unit that was about to be kept, and was undone instead.
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
   * What waits is sent in the async context of its caller, not in that of the turn before: there a host is asked for its
   * connection, and observers are told.
   */
  #inContext(queue: UnitQueue, turn: Turn<UnitTurn>): Turn<UnitTurn> {
    if (!queue.busy || !this.#isAsked) return turn
    const inContext = AsyncLocalStorage.snapshot()
    return { ...turn, start: done => inContext(() => turn.start(done)) }
  }

  /** Whether anybody asks for the context. */
  get #isAsked(): boolean {
    if (this.#session.engine.options.rule.ends === 'host') return true
    return channels.statement.hasSubscribers || channels.checkout.hasSubscribers
  }

  /** The queue of the innermost unit that is open. */
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
   * Ends the unit that is open, and those inside of it: their functions are told when they ask for something, or end.
   * Resolves when nothing of them runs; undefined where none is open.
   */
  breakOff(why: () => Error): Promise<void> | undefined {
    return this.holder && breakOff(this.holder, this.#session, why())
  }
}
