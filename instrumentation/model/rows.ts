import * as words from '../../server-lib/channels/words.ts'
import {
  bit,
  count,
  flag,
  id,
  list,
  ms,
  orNull,
  record,
  site,
  text,
  tuple,
  word,
  type Column,
  type Columns,
  type Facts,
} from './column.ts'
import { HOLDER } from './holder.ts'

/** Times are milliseconds of the process's monotonic clock; `hello.timeOrigin` + time is the epoch's. */
export type Time = number

/** What lasts: something begins it, and something ends it. */
export type Thing =
  | 'engine'
  | 'connection'
  | 'request'
  | 'session'
  | 'checkout'
  | 'statement'
  | 'transaction'
  | 'commit'
  | 'doubt'

/**
 * What a row does to the life of the thing that its key names. One that `renews` replaces the earlier row of its kind,
 * and of its `part` if it has one;
 * one that `passes` is about nothing that lasts; of those that `stay` the last are kept nevertheless, because what is open
 * may have waited for them.
 */
export type Life = `${'begins' | 'continues' | 'renews' | 'ends'} ${Thing}` | 'passes' | 'stays'

const row = <C extends Columns>(number: number, life: Life, columns: C) => ({ number, life, columns })

/** An engine as configured, and its pool; sent again with the new pool after a `reinit`. */
export const ENGINE = {
  engine: id,
  pool: id,
  isDefault: flag,
  mode: word(words.ENGINE_MODES, 'transaction'),
  access: word(words.ENGINE_ACCESS, 'write'),
  enlist: word(words.ENLISTMENTS, 'atomic'),
  transactional: flag,
  source: word(words.POOL_SOURCES, 'connection'),
  owned: flag,
  min: count,
  max: count,
  checkoutTimeoutMs: count,
  /** From when on a hold, or a transaction with nothing to do, is too long; null if it never is. */
  heldWarningMs: orNull(count),
  idleInTransactionWarningMs: orNull(count),
  transactions: word(words.TRANSACTIONS_TOLD, 'told'),
  server: orNull(id),
  database: orNull(id),
}
export type EngineFacts = Facts<typeof ENGINE>

const participant = tuple({
  engine: id,
  session: id,
  role: word(words.PARTICIPANT_ROLES),
  gid: orNull(id),
})

const discard = text as Column<words.Discard>
const failure = { code: orNull(id), message: text }
const failureOrNull = { code: orNull(id), message: orNull(text) }

/**
 * All rows between the panel's Node half and its page: the number of each kind, what it does to what lasts, and its
 * columns in their order. Each row begins with its sequence number, the number of its kind and its time.
 *
 * Within version 1 of the protocol a kind keeps its number, and its columns their places: new ones come last.
 */
export const ROWS = {
  engine: row(1, 'begins engine', { facts: record(ENGINE) }),
  engineClosed: row(2, 'ends engine', { engine: id }),
  connected: row(3, 'begins connection', {
    id,
    engine: id,
    pool: id,
    slot: count,
    backendPid: orNull(count),
    uses: count,
  }),
  disconnected: row(4, 'ends connection', { id, reason: discard }),
  connectFailed: row(5, 'passes', { engine: id, pool: id, ...failure }),

  /** `engines` lists the engines that the request knows, all `initialized` then. */
  requestStart: row(10, 'begins request', {
    id,
    kind: word(words.REQUEST_KINDS, 'unscoped'),
    label: text,
    attribute: orNull(id),
    engines: list(id),
  }),
  /** `unreleased`: engines that were still `started` at the end. */
  requestEnd: row(11, 'ends request', {
    id,
    outcome: word(words.REQUEST_OUTCOMES, 'finished'),
    status: orNull(count),
    unreleased: list(id),
  }),

  /** From here on the engine is `started` in that request. */
  sessionStart: row(20, 'begins session', {
    id,
    engine: id,
    request: id,
    mode: word(words.ENGINE_MODES, 'transaction'),
  }),
  sessionState: row(21, 'renews session', { id, state: word(words.SESSION_STATES) }),
  /** From here on the engine is `ended` in that request, if `released`. */
  sessionEnd: row(22, 'ends session', { id, released: flag, statements: count }),
  /** The session's open transaction is about to be ended: why, and from which line. */
  sessionEnding: row(23, 'renews session', { id, why: word(words.END_REASONS), site }),

  /** `frames` are the application's stack frames, joined by newlines. */
  checkoutStart: row(30, 'begins checkout', {
    id,
    engine: id,
    pool: id,
    request: orNull(id),
    session: orNull(id),
    site,
    frames: orNull(text),
    /** False where the line was not captured, which the engine's `holderLines` may save. */
    isLineTaken: flag,
  }),
  checkoutAcquired: row(31, 'continues checkout', { id, connection: id, waitMs: ms }),
  checkoutFailed: row(32, 'ends checkout', { id, ...failure, waitMs: ms, holders: list(record(HOLDER)) }),
  checkoutReleased: row(33, 'ends checkout', { id, discarded: orNull(discard) }),
  /** The connection was dirty when checked out: `status` is what its previous holder left open. */
  checkoutDirty: row(34, 'continues checkout', {
    id,
    connection: id,
    status: word(words.LEFT_OPEN, 'T'),
    previousSite: site,
  }),
  /** From here on it is held by design, and so is no leak: `listens on jobs`. Null: no longer. */
  checkoutKept: row(35, 'renews checkout', { id, keptFor: orNull(text) }),
  /** It is held, or idle in its transaction, for longer than its engine allows. */
  checkoutOverdue: row(36, 'renews checkout', { id, state: word(words.HOLDER_STATES) }),

  statementStart: row(40, 'begins statement', {
    id,
    connection: id,
    checkout: orNull(id),
    session: orNull(id),
    request: orNull(id),
    transaction: orNull(id),
    text,
    parameters: count,
    queuedMs: ms,
    site,
    cursor: bit,
    /** Equal for equal values, of the parameters and in the text. Null where they are unknown. */
    valuesHash: orNull(count),
    /** The function in which the line stands. */
    within: orNull(text),
  }),
  statementEnd: row(41, 'ends statement', {
    id,
    rows: orNull(count),
    command: orNull(id),
    ...failureOrNull,
  }),
  /** A request's statements beyond the limit: only counted. */
  statementsOmitted: row(42, 'renews request', { id, total: count }),
  /**
   * Those of one text and line, summed. `part` numbers the sums of a request. What is beyond the number of sums has
   * neither text nor line.
   */
  statementsCounted: row(43, 'renews request', {
    id,
    part: count,
    engine: orNull(id),
    text: orNull(text),
    parameters: count,
    site,
    within: orNull(text),
    total: count,
    /** How many of them are not answered yet, and how many were answered with an error. */
    running: count,
    failed: count,
    rows: count,
    command: orNull(id),
    /** The sum of their times, and the time in which at least one of them ran. */
    summedMs: ms,
    spentMs: ms,
    queuedMs: ms,
    firstAt: ms,
    lastAt: ms,
    /** How many ran at once at most, and on how many connections. */
    atOnce: count,
    connections: count,
    /** The one of the first, and how many different ones there are at least; 0 where that is unknown. */
    valuesHash: orNull(count),
    distinct: count,
  }),
  /**
   * A stretch of time in which statements beyond the limit ran on a connection, one after the other. Without a
   * connection: in the request as a whole, counting only the time in which no statement ran that is kept.
   */
  executionCounted: row(44, 'renews request', {
    id,
    part: count,
    connection: orNull(id),
    total: count,
    busyMs: ms,
    from: ms,
    /** Null while it goes on. */
    until: orNull(ms),
  }),

  transactionStart: row(50, 'begins transaction', {
    id,
    connection: id,
    checkout: orNull(id),
    session: orNull(id),
    request: orNull(id),
    site,
  }),
  /** `asked: 'commit'` with outcome `rolled back` is a commit that lied. */
  transactionEnd: row(51, 'ends transaction', {
    id,
    outcome: word(words.TRANSACTION_OUTCOMES),
    asked: orNull(word(words.ENDINGS_ASKED)),
    statements: count,
  }),
  transactionFailed: row(52, 'renews transaction', { id, statement: id, code: orNull(id) }),
  savepoint: row(53, 'continues transaction', { id, name: id, action: word(words.SAVEPOINT_ACTIONS) }),

  /** One `db.commit()`: the participants and their roles. `key` is the decision row's, null if nothing is prepared. */
  commitStart: row(60, 'begins commit', {
    id,
    request: id,
    mode: word(words.COMMIT_MODES),
    key: orNull(id),
    participants: list(participant),
    site,
  }),
  stepStart: row(61, 'continues commit', { id, engine: id, step: word(words.COMMIT_STEPS) }),
  /** A step can end after its commit: the decision row is deleted when nothing waits for it any more. */
  stepEnd: row(62, 'continues commit', {
    id,
    engine: id,
    step: word(words.COMMIT_STEPS),
    durationMs: ms,
    command: orNull(id),
    ...failureOrNull,
  }),
  commitEnd: row(63, 'ends commit', {
    id,
    outcome: word(words.COMMIT_OUTCOMES),
    engines: list(tuple({ engine: id, outcome: word(words.ENGINE_OUTCOMES) })),
    durationMs: ms,
    ...failureOrNull,
  }),
  /** An unresolved prepared transaction that recovery has found; sent again each time it is found. */
  inDoubt: row(64, 'begins doubt', { engine: id, gid: id, key: id, ageMs: ms, reason: text }),
  recovered: row(65, 'ends doubt', {
    engine: id,
    gid: id,
    key: id,
    ageMs: ms,
    outcome: word(words.RECOVERIES),
  }),

  /** The event loop stood still until now. */
  stalled: row(70, 'stays', { stalledMs: ms }),
  /** The library emitted a process warning. */
  warned: row(71, 'stays', { code: id, message: text }),
}

export type Kind = keyof typeof ROWS

/** What a row of a kind says, by the names of its columns. */
export type Fact<K extends Kind> = Facts<(typeof ROWS)[K]['columns']>
