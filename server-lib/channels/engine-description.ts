import type { EngineAccess, EngineMode, Enlistment, PoolSource, TransactionsTold } from './words.ts'

/** What is known of an engine without asking its database, for the panel, spans and logs. Never a credential. */
export interface EngineDescription {
  readonly engine: string
  /** `writer#1`; the number rises with each `reinit`. */
  readonly pool: string
  readonly isDefault: boolean
  /** The database, by OpenTelemetry's `db.system.name`: `postgresql`. */
  readonly system: string
  readonly mode: EngineMode
  readonly access: EngineAccess
  readonly enlist: Enlistment
  readonly transactional: boolean
  readonly source: PoolSource
  /** Whether we made the pool and will close it. */
  readonly owned: boolean
  readonly min: number
  readonly max: number
  readonly checkoutTimeoutMs: number
  /** From when on a hold, or an idle transaction, is reported as too long; null where it never is. */
  readonly heldWarningMs: number | null
  readonly idleInTransactionWarningMs: number | null
  readonly transactions: TransactionsTold
  readonly serverAddress: string | null
  readonly serverPort: number | null
  readonly database: string | null
  /** This process and thread, and the application's name, as every report of this engine has them. */
  readonly application: string | null
  readonly pid: number
  readonly thread: number
}
