// Imports nothing, so that the panel's page can load it.

export type RequestKind = 'http' | 'scope' | 'unscoped'
export type RequestOutcome = 'finished' | 'aborted' | 'failed'

/** Where a session is in its life (`sessions/session-state.ts`). */
export type SessionState = 'idle' | 'active' | 'failed' | 'prepared' | 'lost' | 'ended'

/** How reports and messages spell a transaction status: as PostgreSQL does. */
export const STATUS_BYTES = { none: 'I', open: 'T', failed: 'E', unknown: null } as const
export type StatusByte = NonNullable<(typeof STATUS_BYTES)[keyof typeof STATUS_BYTES]>

export type TransactionOutcome = 'committed' | 'rolled back' | 'prepared' | 'lost'
export type CommitOutcome = 'committed' | 'rolled back' | 'partial' | 'unknown'

/** The kind of commit that `db.commit()` made. */
export type CommitMode = 'nothing' | 'one-phase' | 'two-phase' | 'sequential'

/**
 * The outcome of one engine. `untouched`: no transaction was open. `ended`: only read, on an engine with `access:
 * 'read'`. `committed, pending`: decided, so it will be committed, but the server has not answered yet.
 */
export type EngineOutcome =
  | 'untouched'
  | 'ended'
  | 'committed'
  | 'committed, pending'
  | 'rolled back'
  | 'unknown'

/**
 * The part of an engine in a commit. `decides` holds the decision row, and its COMMIT is the decision. `prepares` is
 * prepared before that and committed after. `commits` gets a plain COMMIT. `reads` only ends.
 */
export type ParticipantRole = 'prepares' | 'decides' | 'commits' | 'reads'

/** One step of a commit on one engine: a statement, or a few sent together. */
export type CommitStep =
  | 'vote'
  | 'decision'
  | 'prepare'
  | 'commit'
  | 'commit prepared'
  | 'rollback'
  | 'rollback prepared'
  | 'resolve'
  | 'forget'

/** Why a session's transaction is ended. */
export type EndReason =
  | 'commit'
  | 'rollback'
  | 'release'
  | 'doomed'
  | 'vetoed'
  | 'failed elsewhere'
  | 'handler failed'
  | 'finished without commit'
  /** Something was written, and nothing said that it was to be lost. */
  | 'commit forgotten'
  | 'client aborted'
  | 'engines closed'

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
