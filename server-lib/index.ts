export { createEngines } from './engine-set/create-engines.ts'
export type { EngineHandle, Engines, EnginesOptions, OpenOptions } from './engine-set/engines.ts'
export type { CloseReport, EndedSession, EndedWork } from './containers/close-report.ts'
export type { RetryOptions, RunOptions } from './run/run-options.ts'
export type { Propagation } from './run/propagation.ts'
export type { Isolation } from './dialect/control.ts'
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
export type { EngineDescription } from './channels/engine-description.ts'

export type { InstallReport } from './commit/install.ts'
export type { Recovery, RecoveryOptions } from './commit/recovery/recovery.ts'
export type { PreparedOutcome, PreparedReport, RecoveryReport } from './commit/recovery/recovery-report.ts'

export { sessionOf } from './sessions/session-function.ts'
export type { QueryResult, Session, SessionInfo, SessionMembers } from './sessions/session-types.ts'
export type { SessionIdentity } from './sessions/held-connection.ts'
export type { CommitReport } from './channels/outcomes.ts'
export type { CommitMode, EngineOutcome, SessionState } from './channels/words.ts'
export type { AfterCommit, AfterRollback, BeforeCommit } from './sessions/hooks.ts'
export type { EngineStatus } from './containers/started-sessions.ts'
export type { ContainerInfo } from './requests/container-info.ts'
export type { Db, DbMembers, Definitions, SessionFor } from './containers/db.ts'
export type { Register, RegisteredDb, RegisteredRequest } from './engine-set/register.ts'

export { EnginelightError, ERROR_CODES } from './channels/errors.ts'
export type { CheckoutHolder, ErrorCode, ErrorFacts } from './channels/errors.ts'
