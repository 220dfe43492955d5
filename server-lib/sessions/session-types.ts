import type { Readable } from 'node:stream'
import type { Knex } from 'knex'
import type { TablesShape } from '../engines/engine-config.ts'
import type { SessionIdentity } from './held-connection.ts'
import type { SessionState } from '../channels/words.ts'

type RowOf<Tables, Name extends keyof Tables> = Tables[Name] extends object
  ? Tables[Name]
  : Record<string, any>

/**
 * A builder for one table with rows of this type. With knex's `CompositeTableType<Row, Insert, Update>`, reading,
 * inserting and updating each have their own type; a column also takes an expression (`fn.now()`, `raw`).
 */
export type TableBuilder<Row extends object> = Knex.QueryBuilder<RecordOf<Row>, Knex.ResolveTableType<Row>[]>

type RecordOf<Row> =
  Row extends Knex.CompositeTableType<infer Base, infer Insert, infer Update, infer Upsert>
    ? Knex.CompositeTableType<Base, OrExpression<Insert>, OrExpression<Update>, OrExpression<Upsert>>
    : Row

type OrExpression<Columns> = { [Name in keyof Columns]: Columns[Name] | Knex.Raw | Knex.QueryBuilder }

/** The builder's methods that write: an engine with `access: 'read'` does not have them. */
export type WritingMethod =
  | 'insert'
  | 'upsert'
  | 'update'
  | 'modify'
  | 'increment'
  | 'decrement'
  | 'del'
  | 'delete'
  | 'truncate'
  | 'into'

export interface QueryResult<Row> {
  rows: Row[]
  rowCount: number | null
  command: string
  fields: { name: string; dataTypeID: number }[]
}

/** The request and the engine that a session belongs to. */
export interface SessionInfo {
  /** The object given as the request: Express's `req`, a job, or the `request` option of `engines.open`. */
  request: unknown
  /** The request's id in the panel, spans and errors. */
  requestId: string
  engine: string
  [key: string]: unknown
}

/** A SQL text, or a builder of any kind. */
export type StreamSource = string | { stream(...args: any[]): unknown; toSQL(): unknown }

/** What every session has, whether its engine reads or writes. */
export interface SessionMembers {
  /** A complete knex bound to this session, for functions that take one. Its transactions are savepoints. Made on demand. */
  readonly knex: Knex
  readonly schema: Knex.SchemaBuilder
  readonly fn: Knex.FunctionHelper
  raw<Result = any>(
    sql: string,
    bindings?: Knex.RawBinding | readonly Knex.RawBinding[] | Knex.ValueDict,
  ): Knex.Raw<Result>
  ref(name: string): Knex.Ref<string, Record<string, string>>
  /** Sends a text straight to pg, without a builder: `$1` parameters, pg's result. */
  query<Row = any>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>
  /**
   * Streams the rows of a builder or a text one by one, through a cursor. The session's other statements wait until the
   * stream is read to its end or destroyed. Needs the package pg-query-stream.
   */
  stream(source: StreamSource, values?: readonly unknown[]): Readable
  /**
   * Runs a function inside a savepoint: kept when it resolves, undone when it throws. Savepoints may be nested.
   * Statements from the function's async context belong to the savepoint; so do those sent, in any context, through the
   * session that the function is given. Other statements wait for its end; they fail with EL_SAVEPOINT_WAITED once
   * nothing in it has run for `checkoutTimeoutMs`. After it was undone, statements from its context fail with EL_ENDED.
   */
  savepoint<T>(fn: (session: this) => Promise<T> | T): Promise<T>
  /** Commits, checks the server's answer and releases the connection. The next statement begins a new transaction. */
  commit(): Promise<void>
  /** Rolls back and releases the connection. */
  rollback(): Promise<void>
  /** Releases the connection early; uncommitted work is rolled back. */
  release(): Promise<void>
  readonly state: SessionState
  readonly info: SessionInfo
  /** The connection held, down to the backend's process id; undefined while none is held. */
  readonly identity: SessionIdentity | undefined
  [Symbol.asyncDispose](): Promise<void>
}

/** A session of an engine: call it with a table as you would call knex. */
export type Session<
  Tables extends TablesShape = Record<string, any>,
  Access extends 'read' | 'write' = 'write',
> = SessionMembers & {
  <Name extends keyof Tables & string>(
    table: Name,
  ): Access extends 'read'
    ? Omit<TableBuilder<RowOf<Tables, Name>>, WritingMethod>
    : TableBuilder<RowOf<Tables, Name>>
}
