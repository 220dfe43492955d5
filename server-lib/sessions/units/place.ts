import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../../postgres/control.ts'
import type { DriverResult } from '../../postgres/driver.ts'
import type { SiteCapture } from '../../identity/site.ts'
import { Fifo } from '../fifo.ts'
import { unitOf } from './inside.ts'
import type { Unit, UnitPlace, UnitQueue, UnitSession, UnitTurn } from './unit.ts'
import { lineUp, within } from './wait.ts'

let names = 0

/**
 * A unit on one session. It holds a turn of the queue around it from its SAVEPOINT to the end, and has a queue of its own
 * for what belongs to it: so nothing of others comes in between, and nothing of it runs outside.
 */
class Place implements UnitPlace {
  readonly unit: Unit
  readonly session: UnitSession
  readonly name: string
  readonly fifo: UnitQueue = new Fifo()
  /** When its turn came. */
  enteredAt = 0
  /** Which transaction of the session its savepoint lies in. */
  #transaction: number | undefined
  #leave: (() => void) | undefined
  /** Its turn is over: what is around it goes on, or has taken its savepoint with it. */
  #isLeft = false
  /** Whether the transaction began with it, so that nothing of others is in it. */
  #began = false

  constructor(unit: Unit, session: UnitSession, name = `el_${++names}`) {
    this.unit = unit
    this.session = session
    this.name = name
    this.fifo.idleSince = 0
  }

  /** Whether its turn in the queue around it has come. */
  get isIn(): boolean {
    return this.#leave !== undefined
  }

  /** Whether the transaction that its savepoint lies in is open. */
  get isStanding(): boolean {
    return this.#transaction !== undefined && this.session.isStillIn(this.#transaction)
  }

  /** Sets its savepoint when its turn has come. What the unit sends meanwhile waits for that, and is refused when it fails. */
  enter(text = savepoint(this.name)): Promise<DriverResult> {
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
    // Who waits for it is told; a statement that made it enter has its own answer.
    entered.catch(() => {})
    return entered
  }

  release(): Promise<DriverResult> {
    return this.session.queryIn(this.fifo, releaseSavepoint(this.name), this.unit.capture)
  }

  /** Ends what was opened inside of it. Resolves when nothing of that runs on the connection any more. */
  async unwind(error: Error): Promise<void> {
    this.fifo.refuseWaiting(error)
    if (!this.isIn) return
    const inner = this.fifo.holder
    if (inner) await breakOff(inner, this.session, error)
    else this.session.stopReading(error)
    await this.fifo.whenIdle()
  }

  /** Rolls back to its savepoint, and gives up its turn. Never rejects: a connection that is gone has rolled back anyway. */
  async undo(error: Error): Promise<void> {
    const { session, unit } = this
    // What was sent before the function failed is answered, and undone: nobody may be there to hear of a refusal.
    if (this.isIn && !this.fifo.hasHolders && !session.isReading) await this.fifo.whenIdle()
    await this.unwind(error)
    if (!this.#isLeft && this.isStanding) {
      // Of all engines those are given back that were taken inside.
      const undone =
        this.#began && !unit.session
          ? session.rollbackIn(this.fifo, unit.capture)
          : session.queryIn(this.fifo, rollbackToSavepoint(this.name), unit.capture)
      await undone.catch(() => {})
    }
    this.leave()
  }

  /** What waits in the queue around it has its turn. */
  leave(): void {
    this.#isLeft = true
    this.#leave?.()
  }

  /** Whether something of it runs: not where all that it has is a unit that stands still. */
  isAlive(seen: Set<Unit>): boolean {
    if (!this.isIn || !this.fifo.busy) return false
    const inner = this.fifo.holder
    return inner === undefined || inner.unit.isAlive(seen)
  }
}

/** Lines a unit up on its session, and resolves when its savepoint is set there. */
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

/** The place of a unit on a session that it covers, entered if it was not there yet. */
function placeOn(unit: Unit, session: UnitSession): UnitPlace {
  const known = unit.places.get(session)
  if (known) return known
  const place = new Place(unit, session)
  unit.places.set(session, place)
  void place.enter()
  return place
}

/** The queue of a session for what is sent from inside of `from`. Throws EL_ENDED where that was undone. */
export function queueOf(
  session: UnitSession,
  from: Unit | undefined,
  whose: 'statement' | 'unit',
  capture: SiteCapture | null,
): UnitQueue {
  const unit = unitOf(session, from)
  return within(unit ? placeOn(unit, session).fifo : session.root, from, whose, capture)
}

/** Ends a unit that has a turn on a session, and those inside of it. Resolves when nothing of them runs there. */
export async function breakOff({ unit }: UnitTurn, session: UnitSession, error: Error): Promise<void> {
  const place = unit.places.get(session)
  unit.breakOff(error)
  await place?.unwind(error)
  place?.leave()
}
