import type { SiteCapture } from '../../identity/site.ts'
import type { Unit, UnitOwner, UnitSession } from './unit.ts'

/** What asks for a turn. */
export interface TurnAsker {
  /** The unit that the turn is asked for inside of. */
  readonly from: Unit | undefined
  readonly owner: UnitOwner
  readonly session: UnitSession | undefined
  readonly capture: SiteCapture | null
  readonly what: string
  /**
   * Whether a library asks, which the session is lent to: it waits at most for the given time, whatever the unit ahead
   * is doing.
   */
  readonly isLent: boolean
}
