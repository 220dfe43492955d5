import { Fifo } from '../fifo.ts'
import type { OpenUnits, Unit, UnitQueue, UnitSession } from './unit.ts'

/** The units of one container that are open or wait for their turn. */
export class Units implements OpenUnits {
  /** The queue of units over all engines: those side by side run one after the other. */
  readonly turns: UnitQueue = new Fifo()
  /** How long others wait for a unit that does nothing. */
  readonly waitMs: number
  readonly #open = new Set<Unit>()

  constructor(waitMs: number) {
    this.waitMs = waitMs
  }

  add(unit: Unit): void {
    this.#open.add(unit)
  }

  remove(unit: Unit): void {
    this.#open.delete(unit)
  }

  /** Ends all open units, because everything was rolled back: their further statements are refused. */
  breakOff(error: Error): void {
    for (const unit of this.#open) if (unit.state !== 'waiting') unit.breakOff(error)
  }

  get areOpen(): boolean {
    return this.#open.size > 0
  }

  /** A unit that keeps this session from committing. */
  on(session: UnitSession): Unit | undefined {
    for (const unit of this.#open) if (unit.covers(session)) return unit
    return undefined
  }

  /** A unit over all engines, or on one of these sessions. */
  among(sessions: readonly UnitSession[]): Unit | undefined {
    for (const unit of this.#open) {
      if (unit.session === undefined || sessions.includes(unit.session)) return unit
    }
    return undefined
  }
}
