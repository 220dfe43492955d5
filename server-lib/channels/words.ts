// Imports nothing, so that the panel's page can load it.

export const REQUEST_KINDS = ['http', 'scope', 'unscoped'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

export const REQUEST_OUTCOMES = ['finished', 'aborted', 'failed'] as const
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number]

/** `borrowed`: in the transaction of a host, on its connections. */
export const ENGINE_MODES = ['transaction', 'autocommit', 'borrowed'] as const
export type EngineMode = (typeof ENGINE_MODES)[number]

export const ENGINE_ACCESS = ['write', 'read'] as const
export type EngineAccess = (typeof ENGINE_ACCESS)[number]

export const ENLISTMENTS = ['atomic', 'independent'] as const
export type Enlistment = (typeof ENLISTMENTS)[number]

/**
 * Where an engine's pool came from: `connection` is a pool of ours; else the application's own knex or pg.Pool, or a
 * host whose connections are borrowed.
 */
export const POOL_SOURCES = ['connection', 'knex', 'pg.Pool', 'borrowed'] as const
export type PoolSource = (typeof POOL_SOURCES)[number]

/** Whether the driver tells which transactions are open. An old pg-native does not. */
export const TRANSACTIONS_TOLD = ['told', 'unknown'] as const
export type TransactionsTold = (typeof TRANSACTIONS_TOLD)[number]

/** Where a session is in its life (`sessions/session-state.ts`). */
export const SESSION_STATES = ['idle', 'active', 'failed', 'prepared', 'lost', 'ended'] as const
export type SessionState = (typeof SESSION_STATES)[number]

/** What the holder of a connection does. `transaction unknown` where the driver does not tell whether one is open. */
export const HOLDER_STATES = [
  'executing',
  'idle',
  'idle in transaction',
  'failed transaction',
  'transaction unknown',
] as const
export type HolderState = (typeof HOLDER_STATES)[number]

/** How reports and messages spell a transaction status: as PostgreSQL does. */
export const STATUS_BYTES = { none: 'I', open: 'T', failed: 'E', unknown: null } as const
export type StatusByte = NonNullable<(typeof STATUS_BYTES)[keyof typeof STATUS_BYTES]>

/** What a previous holder left open: a transaction, or a failed one. */
export const LEFT_OPEN = [STATUS_BYTES.open, STATUS_BYTES.failed] as const
export type LeftOpen = (typeof LEFT_OPEN)[number]

export const TRANSACTION_OUTCOMES = ['committed', 'rolled back', 'prepared', 'lost'] as const
export type TransactionOutcome = (typeof TRANSACTION_OUTCOMES)[number]

/** How the application asked to end a transaction. */
export const ENDINGS_ASKED = ['commit', 'rollback', 'prepare'] as const
export type EndingAsked = (typeof ENDINGS_ASKED)[number]

export const SAVEPOINT_ACTIONS = ['set', 'released', 'rolled back'] as const
export type SavepointAction = (typeof SAVEPOINT_ACTIONS)[number]

export const COMMIT_OUTCOMES = ['committed', 'rolled back', 'partial', 'unknown'] as const
export type CommitOutcome = (typeof COMMIT_OUTCOMES)[number]

/** The kind of commit that `db.commit()` made. */
export const COMMIT_MODES = ['nothing', 'one-phase', 'two-phase', 'sequential'] as const
export type CommitMode = (typeof COMMIT_MODES)[number]

/**
 * The outcome of one engine. `untouched`: no transaction was open. `ended`: only read, on an engine with `access:
 * 'read'`. `committed, pending`: decided, so it will be committed, but the server has not answered yet.
 */
export const ENGINE_OUTCOMES = [
  'untouched',
  'ended',
  'committed',
  'committed, pending',
  'rolled back',
  'unknown',
] as const
export type EngineOutcome = (typeof ENGINE_OUTCOMES)[number]

/** What recovery made of a prepared transaction. */
export const RECOVERIES = ['committed', 'rolled back'] as const
export type Recovery = (typeof RECOVERIES)[number]

/**
 * The part of an engine in a commit. `decides` holds the decision row, and its COMMIT is the decision. `prepares` is
 * prepared before that and committed after. `commits` gets a plain COMMIT. `reads` only ends.
 */
export const PARTICIPANT_ROLES = ['prepares', 'decides', 'commits', 'reads'] as const
export type ParticipantRole = (typeof PARTICIPANT_ROLES)[number]

/** One step of a commit on one engine: a statement, or a few sent together. */
export const COMMIT_STEPS = [
  'vote',
  'decision',
  'prepare',
  'commit',
  'commit prepared',
  'rollback',
  'rollback prepared',
  'resolve',
  'forget',
] as const
export type CommitStep = (typeof COMMIT_STEPS)[number]

/** Why a session's transaction is ended. `commit forgotten`: something was written, and nothing said that it was to be lost. */
export const END_REASONS = [
  'commit',
  'rollback',
  'release',
  'doomed',
  'vetoed',
  'failed elsewhere',
  'handler failed',
  'finished without commit',
  'commit forgotten',
  'client aborted',
  'engines closed',
] as const
export type EndReason = (typeof END_REASONS)[number]

/** Why a connection was closed instead of returned to its pool, or is gone. `channels.md` explains each. */
export const DISCARDS = [
  'came closed',
  'came with an open transaction',
  'came with a statement running',
  'came in an unknown state',
  'BEGIN failed',
  'rollback failed',
  'default_transaction_read_only was switched off',
  'cancelled',
  'connection lost',
  'in a transaction at release',
  'not idle at release',
  'lost at release',
  'reset failed',
  'used in vain',
  'used in another role',
  'not rolled back',
  'discarded',
  'cut at close',
  'closed by the pool',
  'closed by the host',
  'released with an error',
  'connection ended',
] as const

/** What is said of a check-out whose line was not captured, which the engine's `holderLines` may save. */
export const LINE_NOT_TAKEN = 'line not taken'

/** One of the words, or the code of the error with which the connection was lost: `57P01`, `ECONNRESET`. */
export type Discard = (typeof DISCARDS)[number] | Uppercase<string>
