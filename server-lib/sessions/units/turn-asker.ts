import type { SiteCapture } from '../../identity/site.ts'
import type { Unit, UnitOwner, UnitSession } from './unit.ts'

/** Who asks for a turn. */
export interface TurnAsker {
  /** The unit that it is asked for inside of. */
  readonly from: Unit | undefined
  readonly owner: UnitOwner
  readonly session: UnitSession | undefined
  readonly capture: SiteCapture | null
  readonly what: string
  /** A library that the session is lent to: it waits for so long at the most, whatever the unit does meanwhile. */
  readonly isLent: boolean
}
