import type { Mode, ModeRule } from './modes.ts'
import type { Knex } from 'knex'
import type { Books } from '../pool/books.ts'
import type { PgPool } from '../pool/native-pool.ts'
import type { Pool } from '../pool/pool.ts'
import type { ServerAddress } from './server-address.ts'

/** Any type of tables: a map from table name to row type. */
export type TablesShape = object

export interface EngineOptions {
  /** The engine that `engines.get()` gives. At most one; where none says so it is the first. */
  default?: boolean
  /**
   * `'read'` opens every transaction as READ ONLY, so that the server refuses writes, and takes the writing methods from the
   * session's type. Texts that would let a session write are refused before they are sent. A function that does so is refused by the
   * server in a transaction; in autocommit it costs the connection (on PostgreSQL 13 and older it is not seen there). What
   * `engines.get(name).knex` sends outside of sessions is not guarded. A guard against mistakes: use a role without the right
   * to write as well. Default `'write'`.
   */
  access?: 'read' | 'write'
  /**
   * `'transaction'` (default): the first statement of a session opens a transaction that lasts until `commit`,
   * `rollback` or the end of the request. `'autocommit'`: no BEGIN; each statement commits by itself and holds a
   * connection only while it runs.
   */
  mode?: 'transaction' | 'autocommit'
  /** `'independent'` keeps the engine out of `db.any` and of a container's commit, as a log wants. Default `'atomic'`. */
  enlist?: 'atomic' | 'independent'
  /**
   * Where several engines are committed together, the one with the highest priority commits last and holds the decision;
   * of the same priority, the one declared last. Default 0.
   */
  priority?: number
  /**
   * The container commits: its sessions refuse `commit()`, `rollback()` and `release()` of their own, and a request behind
   * `sessions(…)` that has used one of them is committed when it was successful, before its response is sent. Default false.
   */
  transactional?: boolean
  /**
   * How long a session waits for a connection, in milliseconds, before EL_CHECKOUT_TIMEOUT. A BEGIN that the server does
   * not answer in half of it, and in 500 ms at least, costs the connection, so that those who wait behind it can still be
   * served. Default 10,000.
   */
  checkoutTimeoutMs?: number
  /** How long a connection may take to open, in milliseconds. Pools that we make only. Default 10,000. */
  connectTimeoutMs?: number
  /**
   * How long one statement may run, in milliseconds. The server ends it (`statement_timeout`); a second later we
   * give up on a server that does not answer, and discard the connection. Of a stream it is how long the server may be
   * silent while it owes a batch; in a transaction the server also counts the time that the reader takes. Default: no
   * limit.
   */
  statementTimeoutMs?: number
  /** How long a transaction may stand idle before the server ends it (`idle_in_transaction_session_timeout`). Default: no limit. */
  idleInTransactionTimeoutMs?: number
  /**
   * A connection that is held for longer, in milliseconds, is told as a warning (EL_HELD_LONG) and on the channel, with
   * the line that checked it out; once for each hold. False tells nothing. Default 30,000.
   */
  heldWarningMs?: number | false
  /** The same for a connection that stands idle in a transaction for longer. Default 10,000. */
  idleInTransactionWarningMs?: number | false
  /**
   * How long COMMIT may stay unanswered, in milliseconds, before its connection is closed and `commit()` throws
   * EL_COMMIT_UNKNOWN. The hooks before a commit have as long (EL_HOOK_TIMEOUT), and those after it. Default 30,000.
   */
  commitTimeoutMs?: number
  /**
   * Finds out what became of a COMMIT whose answer was lost: the transaction's id is fetched before each COMMIT, which
   * costs a round trip, and the server is asked for its status on another connection, for up to `commitTimeoutMs`.
   * `commit()` then resolves, or throws EL_COMMIT_ROLLED_BACK, and EL_COMMIT_UNKNOWN only where the server cannot tell.
   * Default false.
   */
  resolveUnknownCommit?: boolean
  /**
   * Whether a connection that comes with somebody's open transaction is rolled back before use. Default true, and
   * false in autocommit, where such a connection is discarded instead.
   */
  rollbackOnCheckout?: boolean
  /**
   * Sends `DISCARD ALL` before a connection goes back to its pool, so that no session setting, role, advisory lock, LISTEN,
   * temporary table, prepared statement or cursor reaches its next user. One round trip more for each check-out. What was
   * set as the connection was opened (knex's `searchPath` and `afterCreate`, a pool's `connect` listener) is lost as well:
   * set that in the connection string or at the role. Default false.
   */
  resetOnRelease?: boolean
  /**
   * Lets BEGIN travel with the first statement of a transaction, where that is a builder's or has parameters: one round trip less.
   * They share a Sync, so a statement whose BEGIN has failed is not run. Default true; false sends BEGIN alone.
   */
  pipeline?: boolean
  /** Lets `sessionOf(row)` find the session of a row, at up to a microsecond a row. Default false. */
  traceRows?: boolean
}

/** Pool sizes, for an engine that is given a `connection`. */
export interface PoolSizes {
  /** Default 0. */
  min?: number
  /** Default 10. */
  max?: number
  /** How long a free connection above `min` stays open, in milliseconds. Default 30,000. */
  idleTimeoutMs?: number
}

/** Connections of a host, as `borrow()` of `enginelight/sharing` gives them to an engine. */
export interface BorrowedSource {
  status(): 'Sharing Pool'
}

/** The same inside of the library: not public, so that the type of `borrowed.engine` names nothing that is not. */
export interface OpenableSource extends BorrowedSource {
  /** Called by the engine that is made of it. `found` is told when it shows where the host's server is. */
  open(
    books: Books,
    options: Pick<CheckedOptions, 'access' | 'checkoutTimeoutMs'>,
    found: () => void,
  ): { readonly pool: Pool; readonly knex: Knex; address(): ServerAddress }
}

/** Where an engine's connections come from. Exactly one of `connection`, `knex`, `pool` (a pg.Pool) or `borrowed`. */
export type EngineSource =
  | { connection: string | Record<string, unknown>; pool?: PoolSizes; knex?: never; borrowed?: never }
  | { knex: Knex | Knex.Config | (() => Knex); connection?: never; pool?: never; borrowed?: never }
  | { pool: PgPool | (() => PgPool); connection?: never; knex?: never; borrowed?: never }
  | { borrowed: BorrowedSource; connection?: never; pool?: never; knex?: never }

export type EngineConfig = EngineOptions & EngineSource

/** An engine as configured, with its table types; `createEngines` makes it real. */
export interface EngineDefinition<Tables extends TablesShape, Config extends EngineConfig> {
  readonly config: Config
  /** Never set: carries the type of the tables. */
  readonly tables?: Tables
}

/** A type parameter would let a misspelt option through: here each key that is no option must be `never`. */
type NoOther<Config> = {
  [Key in Exclude<keyof Config, keyof EngineOptions | 'connection' | 'knex' | 'pool' | 'borrowed'>]: never
}

/**
 * Describes an engine. Two calls, since TypeScript cannot take `Tables` and infer the rest at once:
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
  /** `borrowed`: in the transaction of a host, which alone begins and ends it. */
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
  readonly traceRows: boolean
}

/** Whether the engine's transactions are committed with those of the others. A log that is kept apart takes no part. */
export const takesPart = ({ rule, enlist }: CheckedOptions): boolean => rule.begins && enlist === 'atomic'

/** A pg.Pool or a function that makes one, as opposed to the sizes of a pool of our own. */
export function isPoolSource(value: unknown): value is PgPool | (() => PgPool) {
  return typeof value === 'function' || isPgPool(value)
}

export function isPgPool(value: unknown): value is PgPool {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { connect?: unknown }).connect === 'function' &&
    // A client of pg has none.
    typeof (value as { options?: unknown }).options === 'object'
  )
}
