import type {
  RequestKind,
  RequestOutcome,
  SessionState,
  EndReason,
  TransactionOutcome,
  CommitMode,
  ParticipantRole,
  CommitStep,
  CommitOutcome,
  EngineOutcome,
} from '../../server-lib/channels/words.ts'

/** Times are milliseconds of the process's monotonic clock; `hello.timeOrigin` + time is the epoch's. */
export type Time = number
/** An interned string: its text was sent earlier in a `dict` message on the same socket. */
export type TextId = number

export const KIND = {
  engine: 1,
  engineClosed: 2,
  connected: 3,
  disconnected: 4,
  connectFailed: 5,
  requestStart: 10,
  requestEnd: 11,
  sessionStart: 20,
  sessionState: 21,
  sessionEnd: 22,
  sessionEnding: 23,
  checkoutStart: 30,
  checkoutAcquired: 31,
  checkoutFailed: 32,
  checkoutReleased: 33,
  checkoutDirty: 34,
  checkoutKept: 35,
  statementStart: 40,
  statementEnd: 41,
  statementsOmitted: 42,
  transactionStart: 50,
  transactionEnd: 51,
  transactionFailed: 52,
  savepoint: 53,
  commitStart: 60,
  stepStart: 61,
  stepEnd: 62,
  commitEnd: 63,
  inDoubt: 64,
  recovered: 65,
} as const

export type Kind = (typeof KIND)[keyof typeof KIND]

/** An engine as configured, and its pool; sent again with the new pool after a `reinit`. */
export interface EngineFacts {
  engine: string
  pool: string
  isDefault: boolean
  /** `borrowed`: in the transaction of a host, on its connections. */
  mode: 'transaction' | 'autocommit' | 'borrowed'
  access: 'read' | 'write'
  enlist: 'atomic' | 'independent'
  transactional: boolean
  source: 'connection' | 'knex' | 'pg.Pool' | 'borrowed'
  owned: boolean
  min: number
  max: number
  checkoutTimeoutMs: number
  /** `unknown`: the driver does not tell whether a transaction is open. */
  transactions: 'told' | 'unknown'
  server: string | null
  database: string | null
}

/** A holder of a connection at the moment when another check-out failed. */
export interface HolderFacts {
  slot: number
  connection: string
  backendPid: number | null
  request: string | null
  requestLabel: string | null
  heldMs: number
  site: string | null
  /** False where the line was not captured. */
  isLineTaken: boolean
  state: 'executing' | 'idle' | 'idle in transaction' | 'failed transaction' | 'transaction unknown'
  stateMs: number
  /** What it is held for by design: `listens on jobs`. */
  keptFor: string | null
}

type Row<K extends Kind, Columns extends unknown[]> = [seq: number, kind: K, at: Time, ...Columns]

export type EngineRow = Row<1, [facts: EngineFacts]>
export type EngineClosedRow = Row<2, [engine: string]>
export type ConnectedRow = Row<
  3,
  [connection: string, engine: string, pool: string, slot: number, backendPid: number | null, uses: number]
>
export type DisconnectedRow = Row<4, [connection: string, reason: TextId]>
export type ConnectFailedRow = Row<5, [engine: string, pool: string, code: string | null, message: TextId]>

/** `engines` lists the engines that the request knows, all `initialized` then. */
export type RequestStartRow = Row<
  10,
  [request: string, kind: RequestKind, label: TextId, attribute: string | null, engines: string[]]
>
/** `unreleased`: engines that were still `started` at the end. */
export type RequestEndRow = Row<
  11,
  [request: string, outcome: RequestOutcome, status: number | null, unreleased: string[]]
>

/** From here on the engine is `started` in that request. */
export type SessionStartRow = Row<
  20,
  [session: string, engine: string, request: string, mode: EngineFacts['mode']]
>
export type SessionStateRow = Row<21, [session: string, state: SessionState]>
/** From here on the engine is `ended` in that request, if `released`. */
export type SessionEndRow = Row<22, [session: string, released: boolean, statements: number]>
/** The session's open transaction is about to be ended: why, and from which line. */
export type SessionEndingRow = Row<23, [session: string, why: EndReason, site: TextId | null]>

/** `frames` are the application's stack frames, joined by newlines. `lineNotTaken`: the line was not captured. */
export type CheckoutStartRow = Row<
  30,
  [
    checkout: string,
    engine: string,
    pool: string,
    request: string | null,
    session: string | null,
    site: TextId | null,
    frames: TextId | null,
    lineNotTaken?: 1,
  ]
>
export type CheckoutAcquiredRow = Row<31, [checkout: string, connection: string, waitMs: number]>
export type CheckoutFailedRow = Row<
  32,
  [checkout: string, code: string | null, message: TextId, waitMs: number, holders: HolderFacts[]]
>
export type CheckoutReleasedRow = Row<33, [checkout: string, discarded: TextId | null]>
/** The connection was dirty when checked out: `status` is what its previous holder left open. */
export type CheckoutDirtyRow = Row<
  34,
  [checkout: string, connection: string, status: 'T' | 'E', previousSite: TextId | null]
>

/** From here on it is held by design, and so is no leak: `listens on jobs`. Null: no longer. */
export type CheckoutKeptRow = Row<35, [checkout: string, keptFor: TextId | null]>

export type StatementStartRow = Row<
  40,
  [
    statement: string,
    connection: string,
    checkout: string | null,
    session: string | null,
    request: string | null,
    transaction: string | null,
    text: TextId,
    parameters: number,
    queuedMs: number,
    site: TextId | null,
    cursor: 0 | 1,
  ]
>
export type StatementEndRow = Row<
  41,
  [
    statement: string,
    rows: number | null,
    command: string | null,
    code: string | null,
    message: TextId | null,
  ]
>
/** A request's statements beyond the limit: only counted. */
export type StatementsOmittedRow = Row<42, [request: string, total: number]>

export type TransactionStartRow = Row<
  50,
  [
    transaction: string,
    connection: string,
    checkout: string | null,
    session: string | null,
    request: string | null,
    site: TextId | null,
  ]
>
/** `asked: 'commit'` with outcome `rolled back` is a commit that lied. */
export type TransactionEndRow = Row<
  51,
  [
    transaction: string,
    outcome: TransactionOutcome,
    asked: 'commit' | 'rollback' | 'prepare' | null,
    statements: number,
  ]
>
export type TransactionFailedRow = Row<52, [transaction: string, statement: string, code: string | null]>
export type SavepointRow = Row<
  53,
  [transaction: string, name: string, action: 'set' | 'released' | 'rolled back']
>

/** One `db.commit()`: the participants and their roles. `key` is the decision row's, null if nothing is prepared. */
export type CommitStartRow = Row<
  60,
  [
    commit: string,
    request: string,
    mode: CommitMode,
    key: string | null,
    participants: [engine: string, session: string, role: ParticipantRole, gid: string | null][],
    site: TextId | null,
  ]
>
export type StepStartRow = Row<61, [commit: string, engine: string, step: CommitStep]>
/** A step can end after its commit: the decision row is deleted when nothing waits for it any more. */
export type StepEndRow = Row<
  62,
  [
    commit: string,
    engine: string,
    step: CommitStep,
    durationMs: number,
    command: string | null,
    code: string | null,
    message: TextId | null,
  ]
>
export type CommitEndRow = Row<
  63,
  [
    commit: string,
    outcome: CommitOutcome,
    engines: [engine: string, outcome: EngineOutcome][],
    durationMs: number,
    code: string | null,
    message: TextId | null,
  ]
>
/** An unresolved prepared transaction that recovery has found; sent again each time it is found. */
export type InDoubtRow = Row<64, [engine: string, gid: string, key: string, ageMs: number, reason: TextId]>
export type RecoveredRow = Row<
  65,
  [engine: string, gid: string, key: string, ageMs: number, outcome: 'committed' | 'rolled back']
>

export type AnyRow =
  | EngineRow
  | EngineClosedRow
  | ConnectedRow
  | DisconnectedRow
  | ConnectFailedRow
  | RequestStartRow
  | RequestEndRow
  | SessionStartRow
  | SessionStateRow
  | SessionEndRow
  | CheckoutStartRow
  | CheckoutAcquiredRow
  | CheckoutFailedRow
  | CheckoutReleasedRow
  | CheckoutDirtyRow
  | CheckoutKeptRow
  | StatementStartRow
  | StatementEndRow
  | StatementsOmittedRow
  | TransactionStartRow
  | TransactionEndRow
  | TransactionFailedRow
  | SavepointRow
  | SessionEndingRow
  | CommitStartRow
  | StepStartRow
  | StepEndRow
  | CommitEndRow
  | InDoubtRow
  | RecoveredRow
