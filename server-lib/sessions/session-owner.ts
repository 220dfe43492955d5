import type { Engine } from '../engines/engine.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { TransactionKind } from './transaction-kind.ts'
import type { UnitOwner } from './units/unit.ts'
import type { Units } from './units/units.ts'

/** What a session uses of its container. */
export interface SessionOwner extends UnitOwner {
  readonly scope: RequestScope
  /** Ends the check-outs that its sessions wait for. */
  readonly abandoned: Abandonment
  /** The kind of the transactions that it commits together. */
  readonly kind: TransactionKind
  /** Called when a statement of the session changed something. */
  wrote(session: OwnedSession): void
  /** The number of runs under way, which end its transactions. */
  readonly runs: number
  /** Whether it has already reported lost writes, with the name of the run that wrote them. */
  readonly hasToldOfRun: boolean
  /** While set, no transaction of its sessions may begin until it resolves. */
  readonly pause: Promise<void> | undefined
  /** Why a transaction of the session cannot begin now: the container commits, or has failed to. Undefined where it can. */
  refusal(session: OwnedSession): Error | undefined
  /** The open units; undefined until there was one. */
  readonly units: Units | undefined
  /** The same, created if needed. */
  unitsOf(): Units
  /** Why the calling code may send nothing at all; undefined where it may. */
  callerRefusal(): Error | undefined
}

interface OwnedSession {
  readonly engine: Engine
}
