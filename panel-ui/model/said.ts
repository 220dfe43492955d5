import type * as words from '../../server-lib/channels/words.ts'

/** The words of messages that the page shows. Why a connection is gone is a sentence already. */
type Word =
  | 'no context'
  | 'open'
  | words.RequestKind
  | words.EngineMode
  | words.EngineAccess
  | words.Enlistment
  | words.PoolSource
  | words.SessionState
  | words.HolderState
  | words.TransactionOutcome
  | words.SavepointAction
  | words.CommitMode
  | words.CommitOutcome
  | words.CommitStep
  | words.EngineOutcome

/** What the page says for a word. One without a text does not compile. */
export const TEXTS = {
  'no context': 'outside of any request',
  open: 'open',
  http: 'http',
  scope: 'scope',
  unscoped: 'unscoped',
  transaction: 'transaction',
  autocommit: 'autocommit',
  borrowed: 'borrowed',
  read: 'read',
  write: 'write',
  atomic: 'atomic',
  independent: 'independent',
  connection: 'connection',
  knex: 'knex',
  'pg.Pool': 'pg.Pool',
  idle: 'idle',
  active: 'active',
  failed: 'failed',
  prepared: 'prepared',
  lost: 'lost',
  ended: 'ended',
  executing: 'executing',
  'idle in transaction': 'idle in transaction',
  'failed transaction': 'failed transaction',
  'transaction unknown': 'transaction unknown',
  committed: 'committed',
  'rolled back': 'rolled back',
  'committed, pending': 'committed, pending',
  untouched: 'untouched',
  partial: 'partial',
  unknown: 'unknown',
  set: 'set',
  released: 'released',
  nothing: 'nothing',
  'one-phase': 'one-phase',
  'two-phase': 'two-phase',
  sequential: 'sequential',
  vote: 'vote',
  decision: 'decision',
  prepare: 'prepare',
  commit: 'commit',
  'commit prepared': 'commit prepared',
  rollback: 'rollback',
  'rollback prepared': 'rollback prepared',
  resolve: 'resolve',
  forget: 'forget',
} satisfies Record<Word, string>

/** A word of a library of another version is shown as it is. */
export const said = (word: Word): string => (TEXTS as Partial<Record<string, string>>)[word] ?? word
