import type { Readable } from 'node:stream'
import type { Knex } from 'knex'
import type { TablesShape } from '../engines/engine-config.ts'
import type { SessionIdentity } from './held-connection.ts'
import type { SessionState } from '../channels/words.ts'

type RowOf<Tables, Name extends keyof Tables> = Tables[Name] extends object
  ? Tables[Name]
  : Record<string, any>

/**
 * A builder for one table whose rows are of this type. Of knex's `CompositeTableType<Row, Insert, Update>` what is read,
 * inserted and updated has a type of its own; a column may be given an expression (`fn.now()`, `raw`) as well.
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

/** What a session knows of where it belongs. */
export interface SessionInfo {
  /** What was given as the request: Express's `req`, a job, whatever `engines.open({ request })` was told. */
  request: unknown
  /** The request's id in the panel, spans and errors. */
  requestId: string
  engine: string
  [key: string]: unknown
}

/** A text, or a builder of any kind. */
export type StreamSource = string | { stream(...args: any[]): unknown; toSQL(): unknown }

/** What a session can do whatever its access. */
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
  /** Straight to pg, without a builder: `$1` parameters and pg's result. */
  query<Row = any>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>
  /**
   * Rows one by one through a cursor, of a builder or of a text. The session's other statements wait until it is
   * read to its end or destroyed. Needs the package pg-query-stream.
   */
  stream(source: StreamSource, values?: readonly unknown[]): Readable
  /**
   * Runs a function inside of a savepoint: kept when it resolves, undone when it throws. May be nested. What is sent from the
   * function's async context belongs to it, and so does what is sent by the handle that it is given, in any context. What is sent
   * from outside waits for its end; EL_SAVEPOINT_WAITED once nothing of it has run for `checkoutTimeoutMs`. What comes from its
   * context after it was undone is EL_ENDED.
   */
  savepoint<T>(fn: (session: this) => Promise<T> | T): Promise<T>
  /** Commits, verified by the server's answer, and gives the connection back. The next statement begins anew. */
  commit(): Promise<void>
  /** Rolls back and gives the connection back. */
  rollback(): Promise<void>
  /** Gives the connection back early; what is uncommitted is rolled back. */
  release(): Promise<void>
  readonly state: SessionState
  readonly info: SessionInfo
  /** Which connection is held, down to the backend's process id; undefined while none is. */
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
