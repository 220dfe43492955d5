import type { SiteCapture } from '../identity/site.ts'
import type { SessionCore } from '../sessions/session.ts'
import { unitHere } from '../sessions/units/inside.ts'
import { enter } from '../sessions/units/place.ts'
import { Unit, type UnitQueue } from '../sessions/units/unit.ts'

/**
 * The place of a library's transaction on the session that it is lent: one at a time, and none between the ends of a
 * savepoint of our own. Its statements have a queue of their own there.
 */
export class LentPlace {
  readonly #core: SessionCore
  readonly #unit: Unit

  constructor(core: SessionCore, command: string, capture: SiteCapture | null) {
    this.#core = core
    this.#unit = new Unit({
      owner: core.owner,
      session: core,
      outer: unitHere(),
      ownership: 'lent',
      capture,
      what: `${command} of a library`,
    })
  }

  /** Waits for its turn, for as long as the session may wait for a connection, and then sends `text`. */
  async open(text: string): Promise<void> {
    try {
      await enter(this.#unit, this.#core, undefined, text)
    } catch (error) {
      this.leave()
      throw error
    }
  }

  /** The queue for what the library sends in its transaction. */
  get queue(): UnitQueue {
    return this.#place?.fifo ?? this.#core.root
  }

  get #place() {
    return this.#unit.places.get(this.#core)
  }

  /**
   * Whether something else has ended what was open here: a rollback of the session, the session's end, or the end of a
   * savepoint around it.
   */
  get isOver(): boolean {
    const { state } = this.#core
    if (state === 'ended' || state === 'lost') return true
    return this.#unit.isOver || this.#place?.isStanding === false
  }

  /** Lets the next in the queue have its turn. */
  leave(): void {
    if (!this.#unit.move('keep')) this.#unit.move('undo')
    this.#place?.leave()
  }
}
