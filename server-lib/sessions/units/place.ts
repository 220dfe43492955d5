import type { DriverResult } from '../../dialect/result.ts'
import type { SiteCapture } from '../../identity/site.ts'
import { Fifo } from '../fifo.ts'
import { unitOf } from './inside.ts'
import type { Unit, UnitPlace, UnitQueue, UnitSession, UnitTurn } from './unit.ts'
import { lineUp, within } from './wait.ts'

let names = 0

/**
 * A unit on one session. It holds a turn of the queue around it, from its SAVEPOINT to its end, and has a queue of its
 * own. So no other statement comes between those of the unit, and none of the unit's runs outside it.
 */
class Place implements UnitPlace {
  readonly unit: Unit
  readonly session: UnitSession
  readonly name: string
  readonly fifo: UnitQueue = new Fifo()
  /** When its turn came. */
  enteredAt = 0
  /** The number of the session's transaction that its savepoint lies in. */
  #transaction: number | undefined
  #leave: (() => void) | undefined
  /** Whether its turn is over: the queue around it goes on, or the savepoint was rolled back with its surroundings. */
  #isLeft = false
  /** Whether the transaction began with it, so that it holds no other work. */
  #began = false

  constructor(unit: Unit, session: UnitSession, name = `el_${++names}`) {
    this.unit = unit
    this.session = session
    this.name = name
    this.fifo.idleSince = 0
  }

  get #texts() {
    return this.session.engine.dialect.texts
  }

  /** Whether its turn in the queue around it has come. */
  get isIn(): boolean {
    return this.#leave !== undefined
  }

  /** Whether the transaction that its savepoint lies in is still open. */
  get isStanding(): boolean {
    return this.#transaction !== undefined && this.session.isStillIn(this.#transaction)
  }

  /** Sets its savepoint when its turn has come. The unit's statements wait for that, and are refused if it fails. */
  enter(text = this.#texts.savepoint(this.name)): Promise<DriverResult> {
    const { unit, session } = this
    const entered = new Promise<DriverResult>((resolve, reject) => {
      this.fifo.push({
        refuse: reject,
        start: done => {
          const fail = (error: Error) => {
            // The next statement of the unit tries again.
            if (unit.places.get(session) === this) unit.places.delete(session)
            this.fifo.refuseWaiting(error)
            this.leave()
            reject(error)
            done()
          }
          const set = (leave: () => void) => {
            this.#leave = leave
            this.enteredAt = performance.now()
            if (unit.isOver) return fail(unit.brokenBy ?? session.undone(unit))
            this.#began = !session.isInTransaction
            session.queryIn(new Fifo(), text, unit.capture).then(result => {
              this.#transaction = session.transaction
              resolve(result)
              done()
            }, fail)
          }
          try {
            const around = queueOf(session, unit.outer, 'unit', unit.capture)
            const { owner, capture, what, isLent } = unit
            const asker = { from: unit, owner, session, capture, what, isLent }
            lineUp(around, { holder: this, refuse: fail, start: set }, asker)
          } catch (error) {
            fail(error as Error)
          }
        },
      })
    })
    // Callers that await it still see the error; a statement that triggered it gets an answer of its own.
    entered.catch(() => {})
    return entered
  }

  release(): Promise<DriverResult> {
    return this.session.queryIn(this.fifo, this.#texts.releaseSavepoint(this.name), this.unit.capture)
  }

  /** Ends the units opened inside it. Resolves when none of their statements runs on the connection any more. */
  async unwind(error: Error): Promise<void> {
    this.fifo.refuseWaiting(error)
    if (!this.isIn) return
    const inner = this.fifo.holder
    if (inner) await breakOff(inner, this.session, error)
    else this.session.stopReading(error)
    await this.fifo.whenIdle()
  }

  /** Rolls back to its savepoint, and gives up its turn. Never rejects: a lost connection has rolled back anyway. */
  async undo(error: Error): Promise<void> {
    const { session, unit } = this
    // Statements sent before the function failed are answered and then undone: a refusal might be an unhandled
    // rejection.
    if (this.isIn && !this.fifo.hasHolders && !session.isReading) await this.fifo.whenIdle()
    await this.unwind(error)
    if (!this.#isLeft && this.isStanding) {
      // A unit over all engines releases the connections that were checked out inside it.
      const undone =
        this.#began && !unit.session
          ? session.rollbackIn(this.fifo, unit.capture)
          : session.queryIn(this.fifo, this.#texts.rollbackToSavepoint(this.name), unit.capture)
      await undone.catch(() => {})
    }
    this.leave()
  }

  /** Lets the queue around it go on. */
  leave(): void {
    this.#isLeft = true
    this.#leave?.()
  }

  /** Whether a statement of it runs. False while it only waits for an inner unit that stands still. */
  isAlive(seen: Set<Unit>): boolean {
    if (!this.isIn || !this.fifo.busy) return false
    const inner = this.fifo.holder
    return inner === undefined || inner.unit.isAlive(seen)
  }
}

/** Queues a unit on its session, and resolves when its savepoint is set there. */
export async function enter(
  unit: Unit,
  session: UnitSession,
  name?: string,
  text?: string,
): Promise<DriverResult> {
  const place = new Place(unit, session, name)
  unit.places.set(session, place)
  const result = await place.enter(text)
  if (!unit.move('open')) throw unit.brokenBy ?? session.undone(unit)
  return result
}

/** The place of a unit on a session that it covers, entered if necessary. */
function placeOn(unit: Unit, session: UnitSession): UnitPlace {
  const known = unit.places.get(session)
  if (known) return known
  const place = new Place(unit, session)
  unit.places.set(session, place)
  void place.enter()
  return place
}

/** The session's queue for statements sent from inside `from`. Throws EL_ENDED where that was undone. */
export function queueOf(
  session: UnitSession,
  from: Unit | undefined,
  whose: 'statement' | 'unit',
  capture: SiteCapture | null,
): UnitQueue {
  const unit = unitOf(session, from)
  return within(unit ? placeOn(unit, session).fifo : session.root, from, whose, capture)
}

/** Ends a unit that has a turn on a session, and the units inside it. Resolves when none of their statements runs there. */
export async function breakOff({ unit }: UnitTurn, session: UnitSession, error: Error): Promise<void> {
  const place = unit.places.get(session)
  unit.breakOff(error)
  await place?.unwind(error)
  place?.leave()
}
