export { createEngines } from './engines/create-engines.ts'
export type { EngineHandle, Engines, EnginesOptions, OpenOptions } from './engines/engines.ts'
export type { CloseReport, EndedSession, EndedWork } from './engines/close-report.ts'
export type { RetryOptions, RunOptions } from './run/run-options.ts'
export type { Propagation } from './run/propagation.ts'
export type { Isolation } from './postgres/control.ts'
export { engine } from './engines/engine-config.ts'
export type {
  BorrowedSource,
  EngineConfig,
  EngineDefinition,
  EngineOptions,
  EngineSource,
  PoolSizes,
  TablesShape,
} from './engines/engine-config.ts'
export type { EngineDescription } from './engines/engine-description.ts'

export type { InstallReport } from './commit/install.ts'
export type { Recovery, RecoveryOptions } from './commit/recovery/recovery.ts'
export type { PreparedOutcome, PreparedReport, RecoveryReport } from './commit/recovery/recovery-report.ts'

export { sessionOf } from './sessions/session-function.ts'
export type { QueryResult, Session, SessionInfo, SessionMembers } from './sessions/session-types.ts'
export type { SessionIdentity } from './sessions/held-connection.ts'
export type { CommitMode, CommitReport, EngineOutcome } from './commit/report.ts'
export type { AfterCommit, AfterRollback, BeforeCommit } from './commit/hooks.ts'
export type { SessionState } from './sessions/session-state.ts'
export type { ContainerInfo, EngineStatus } from './sessions/container.ts'
export type { Db, DbMembers, Definitions, SessionFor } from './sessions/db.ts'
export type { Register, RegisteredDb, RegisteredRequest } from './register.ts'

export { EnginelightError, ERROR_CODES } from './errors.ts'
export type { CheckoutHolder, ErrorCode, ErrorFacts } from './errors.ts'
