import type { Engine } from '../engines/engine.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { TransactionKind } from './transaction-kind.ts'
import type { UnitOwner } from './units/unit.ts'
import type { Units } from './units/units.ts'

/** What a session needs of the container that it belongs to. */
export interface SessionOwner extends UnitOwner {
  readonly scope: RequestScope
  /** Ends the waits of its sessions for a connection. */
  readonly abandoned: Abandonment
  /** What is asked of the transactions that it commits together. */
  readonly kind: TransactionKind
  /** A statement of the session changed something. */
  wrote(session: OwnedSession): void
  /** How many runs are under way in it, which end its transactions. */
  readonly runs: number
  /** Whether it has told already that what was written is lost, with the name of the run that wrote it. */
  readonly hasToldOfRun: boolean
  /** Until when no transaction of its sessions may begin. */
  readonly pause: Promise<void> | undefined
  /** Why a transaction of the session cannot begin now, if it cannot: the container commits, or has failed to. */
  refusal(session: OwnedSession): Error | undefined
  /** The parts of the work that are kept or undone as one; undefined until there is one. */
  readonly units: Units | undefined
  /** The same, made where there was none. */
  unitsOf(): Units
  /** Why the code that runs here may send nothing at all, if that is so. */
  callerRefusal(): Error | undefined
}

interface OwnedSession {
  readonly engine: Engine
}
