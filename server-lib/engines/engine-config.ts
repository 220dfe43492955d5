import type { Mode, ModeRule } from './modes.ts'
import type { Knex } from 'knex'
import type { Books } from '../pool/books.ts'
import type { HolderLines } from '../pool/holder-lines.ts'
import type { Pool } from '../pool/pool.ts'
import type { ServerAddress } from './server-door.ts'

/** Any type of tables: a map from table name to row type. */
export type TablesShape = object

export interface EngineOptions {
  /** Makes this the engine that `engines.get()` returns. At most one engine; by default the first. */
  default?: boolean
  /**
   * `'read'` opens every transaction READ ONLY, so that the server refuses writes, and removes the writing methods from
   * the session's type. Texts that would let a session write are refused before they are sent. If a function does so,
   * the server refuses it in a transaction; in autocommit it costs the connection (PostgreSQL 13 and older do not show
   * it). Statements sent through `engines.get(name).knex`, outside sessions, are not guarded. This guards against
   * mistakes: use a role without the right to write as well. Default `'write'`.
   */
  access?: 'read' | 'write'
  /**
   * `'transaction'` (default): the first statement of a session opens a transaction that lasts until `commit`,
   * `rollback` or the end of the request. `'autocommit'`: no BEGIN; each statement commits by itself and holds a
   * connection only while it runs.
   */
  mode?: 'transaction' | 'autocommit'
  /** `'independent'` keeps the engine out of `db.any` and of a container's commit, as for a log. Default `'atomic'`. */
  enlist?: 'atomic' | 'independent'
  /**
   * When several engines are committed together, the one with the highest priority commits last and holds the decision;
   * among equals, the one declared last. Default 0.
   */
  priority?: number
  /**
   * Leaves the commit to the container: its sessions refuse `commit()`, `rollback()` and `release()`. A request behind
   * `sessions(…)` that has used such an engine is committed if it was successful, before its response is sent. Default
   * false.
   */
  transactional?: boolean
  /**
   * How long a session waits for a connection, in milliseconds, before EL_CHECKOUT_TIMEOUT. A BEGIN may take half of
   * that, and at least 500 ms; unanswered by then, it costs the connection, so that waiters behind it can still be
   * served. Default 10,000.
   */
  checkoutTimeoutMs?: number
  /** How long a connection may take to open, in milliseconds. Only for pools that Enginelight makes. Default 10,000. */
  connectTimeoutMs?: number
  /**
   * How long one statement may run, in milliseconds. In a transaction the server ends it (`statement_timeout`); if it does not
   * answer, the connection is discarded a second later. In autocommit the statement is cancelled and its connection discarded,
   * because a setting would stay on it. For a stream, this is how long the server may be silent while
   * it owes a batch; in a transaction the server also counts the reader's time. Default: no limit.
   */
  statementTimeoutMs?: number
  /**
   * How long a transaction may be idle, in milliseconds, before the server ends it
   * (`idle_in_transaction_session_timeout`). Default: no limit.
   */
  idleInTransactionTimeoutMs?: number
  /**
   * A connection held longer than this, in milliseconds, is reported once for each hold: by a warning (EL_HELD_LONG)
   * and on the channel, with the line that checked it out. False reports nothing. Default 30,000.
   */
  heldWarningMs?: number | false
  /** The same for a connection idle in a transaction for longer than this. Default 10,000. */
  idleInTransactionWarningMs?: number | false
  /**
   * How long COMMIT may stay unanswered, in milliseconds, before its connection is closed and `commit()` throws
   * EL_COMMIT_UNKNOWN. The hooks before a commit have as long (EL_HOOK_TIMEOUT), and so have those after it. Default
   * 30,000.
   */
  commitTimeoutMs?: number
  /**
   * Finds the outcome of a COMMIT whose answer was lost. Fetches the transaction's id before each COMMIT, which costs a
   * round trip. To find the outcome, asks the server on another connection, for up to `commitTimeoutMs`. `commit()`
   * then resolves or throws EL_COMMIT_ROLLED_BACK, and throws EL_COMMIT_UNKNOWN only if the server cannot tell. Default
   * false.
   */
  resolveUnknownCommit?: boolean
  /**
   * Whether a connection that is checked out with an open transaction is rolled back before use. Default true; false in
   * autocommit, where such a connection is discarded instead.
   */
  rollbackOnCheckout?: boolean
  /**
   * Sends `DISCARD ALL` before a connection goes back to its pool, so that no session setting, role, advisory lock,
   * LISTEN, temporary table, prepared statement or cursor reaches its next user. Costs a round trip for each check-out.
   * Settings made when the connection was opened (knex's `searchPath` and `afterCreate`, a pool's `connect` listener)
   * are lost too: make them in the connection string or on the role. Default false.
   */
  resetOnRelease?: boolean
  /**
   * Pipelines BEGIN with the first statement of a transaction, if a builder made it or it has parameters: one round
   * trip less. They share a Sync, so the statement is not run if BEGIN fails. Default true; false sends BEGIN alone.
   */
  pipeline?: boolean
  /**
   * Of which check-outs the line is captured, so that errors, warnings and observers can name the holder. `'always'`
   * costs up to a tenth of a small unit of work. `'when busy'` captures it where it is likely to be needed: an observer
   * is told of check-outs or reads lines, half of the pool is held or asked for with this one, or a check-out failed, a
   * commit was forgotten or a hold was leaked or long within the last ten minutes. `'never'` captures none. A holder without a line is told
   * with `line not taken`. Default `'when busy'` with `NODE_ENV=production`, else `'always'`.
   */
  holderLines?: 'always' | 'when busy' | 'never'
  /** Lets `sessionOf(row)` find the session of a row, at up to a microsecond for each row. Default false. */
  traceRows?: boolean
}

/** Pool sizes, for an engine with a `connection`. */
export interface PoolSizes {
  /** Default 0. */
  min?: number
  /** Default 10. */
  max?: number
  /** How long an idle connection above `min` stays open, in milliseconds. Default 30,000. */
  idleTimeoutMs?: number
}

/** Connections of a host, as made by `borrow()` of `enginelight/sharing`. */
export interface BorrowedSource {
  status(): 'Sharing Pool'
}

/** The same inside the library. Not public, so that the type of `borrowed.engine` names only public types. */
export interface OpenableSource extends BorrowedSource {
  /** Called by the engine made of it. `found` is called when the address of the host's server becomes known. */
  open(
    books: Books,
    options: Pick<CheckedOptions, 'access' | 'checkoutTimeoutMs'>,
    found: () => void,
  ): { readonly pool: Pool; readonly knex: Knex; address(): ServerAddress }
}

/** A pool of a driver, as an application makes it without knex: a `pg.Pool`. */
export interface DriverPool {
  readonly options: object
  connect(...args: any[]): any
  end(...args: any[]): any
  on(event: string, listener: (...args: any[]) => void): unknown
}

/** Where an engine's connections come from. Exactly one of `connection`, `knex`, `pool` (a pg.Pool) or `borrowed`. */
export type EngineSource =
  | { connection: string | Record<string, unknown>; pool?: PoolSizes; knex?: never; borrowed?: never }
  | { knex: Knex | Knex.Config | (() => Knex); connection?: never; pool?: never; borrowed?: never }
  | { pool: DriverPool | (() => DriverPool); connection?: never; knex?: never; borrowed?: never }
  | { borrowed: BorrowedSource; connection?: never; pool?: never; knex?: never }

export type EngineConfig = EngineOptions & EngineSource

/** An engine's configuration, with its table types; `createEngines` opens it. */
export interface EngineDefinition<Tables extends TablesShape, Config extends EngineConfig> {
  readonly config: Config
  /** Never set: carries the type of the tables. */
  readonly tables?: Tables
}

/** Catches misspelt options, which a type parameter alone would let through: each key that is no option must be `never`. */
type NoOther<Config> = {
  [Key in Exclude<keyof Config, keyof EngineOptions | 'connection' | 'knex' | 'pool' | 'borrowed'>]: never
}

/**
 * Describes an engine. Two calls, because TypeScript cannot take `Tables` and infer the rest at once:
 * `engine<ShopTables>()({ connection: url, access: 'read' })`.
 */
export function engine<Tables extends TablesShape = Record<string, any>>() {
  return <const Config extends EngineConfig>(
    config: Config & NoOther<Config>,
  ): EngineDefinition<Tables, Config> => ({ config })
}

/** Options with every default filled in. */
export interface CheckedOptions {
  readonly isDefault: boolean
  readonly access: 'read' | 'write'
  /** `borrowed`: inside the transaction of a host, which alone begins and ends it. */
  readonly mode: Mode
  /** What the mode means. */
  readonly rule: ModeRule
  readonly enlist: 'atomic' | 'independent'
  readonly transactional: boolean
  readonly priority: number
  readonly checkoutTimeoutMs: number
  readonly beginTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number | undefined
  readonly idleInTransactionTimeoutMs: number | undefined
  readonly heldWarningMs: number | undefined
  readonly idleInTransactionWarningMs: number | undefined
  readonly commitTimeoutMs: number
  readonly resolveUnknownCommit: boolean
  readonly rollbackOnCheckout: boolean
  readonly resetOnRelease: boolean
  readonly pipeline: boolean
  readonly holderLines: HolderLines
  readonly traceRows: boolean
}

/** Whether the engine's transactions are committed together with those of the others. Not for an independent engine. */
export const takesPart = ({ rule, enlist }: CheckedOptions): boolean => rule.begins && enlist === 'atomic'
