import type { DriverStream } from '../dialect/stream.ts'

/** As loose as pg's own types have it: with anything narrower their `Pool` would not fit ours. */
export type Listener = (...args: any[]) => void

/**
 * The parts of pg's `Client` that we use. Declared here so that any pg 8 from 8.11 on fits, and a fake in a test
 * needs no more than this.
 */
export interface PgClient {
  query(...args: unknown[]): unknown
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  end(): Promise<void>
  /** The backend's process id, as the server announced it (behind a pooler it is the pooler's). */
  readonly processID?: number | null
  readonly secretKey?: unknown
  /** The last status byte of the server: idle, in a transaction, in a failed one. pg 8.21 and newer: ask `statusOf` instead. */
  getTransactionStatus?(): StatusByte | null
  /** True once somebody has called `end()`. pg's pool looks at both as it takes a connection back, not as it lends one. */
  readonly _ending?: boolean
  /** True once the socket is closed. */
  readonly _ended?: boolean
  /** False once the socket has failed. */
  readonly _queryable?: boolean
  /** True once a statement was sent on it. */
  readonly hasExecuted?: boolean
  /** False while a statement is under way. */
  readonly readyForQuery?: boolean
  /** pg 8.23 and newer: statements are written without waiting for the answer to the one before. */
  pipeline?: boolean
  readonly host?: string
  readonly port?: number
  readonly ssl?: unknown
  readonly connection?: PgWire
  /** Of a client of pg-native: libpq, which speaks the protocol itself and lets nobody else do so. */
  readonly native?: unknown
  /** Of a driver that is not pg's: has the server cancel what runs, by its own means. */
  readonly cancelRunning?: (() => Promise<void>) | undefined
}

/** Of ReadyForQuery: idle, in a transaction, in a failed one. */
export type StatusByte = 'I' | 'T' | 'E'

/** pg's protocol-level `Connection` under a `Client`. */
export interface PgWire {
  readonly stream?: { destroy(): unknown; readonly bytesRead?: number; readonly bytesWritten?: number }
  on?(event: string, listener: Listener): unknown
  removeListener?(event: string, listener: Listener): unknown
  connect?(port: number | string, host?: string): void
  cancel?(processId: number, secretKey: unknown): void
  prependListener?(event: string, listener: Listener): unknown
  removeListener?(event: string, listener: Listener): unknown
  /** Named statements by name, as far as pg knows them to be prepared on the server. */
  parsedStatements?: Record<string, unknown>
  submittedNamedStatements?: Record<string, unknown>
}

/** Whether nothing can be sent on it any more, as far as can be seen without asking the server. */
export function isClosed({ _ending, _ended, _queryable }: PgClient): boolean {
  return _ending === true || _ended === true || _queryable === false
}

/** Tells pg that the server has forgotten its named statements: it would not prepare them again. */
export function forgetPrepared({ connection }: PgClient): void {
  if (connection?.parsedStatements) connection.parsedStatements = {}
  if (connection?.submittedNamedStatements) connection.submittedNamedStatements = {}
}

type ReadCallback = (error: Error | null, rows?: unknown[]) => void

/** The parts of pg-cursor that we use. */
export interface Cursor {
  text?: string
  values?: unknown[] | null
  close?(done?: (error?: Error) => void): unknown
  /** `done` when the server has sent the last row: what comes then is no longer handled, not even an error. */
  state?: string
  /** Of the read that waits for its rows. */
  _cb?: ReadCallback | null
  /** Reads that wait for their turn: how many rows, and who is told. */
  readonly _queue?: [rows: number, told: ReadCallback][]
  listenerCount?(event: string): number
}

/** A statement that drives the protocol itself: pg's Query, pg-cursor, pg-query-stream. */
export interface Submittable extends DriverStream {
  submit(connection: unknown): unknown
  cursor?: Cursor
  listenerCount?(event: string): number
  /** How many rows it has read, of one that reads them itself: its `handleDataRow` is not told of them. */
  rowsTaken?: number
  handleCommandComplete?(message: unknown, connection?: unknown): void
  handleDataRow?(message: unknown): void
}

export function isSubmittable(config: unknown): config is Submittable {
  return typeof config === 'object' && config !== null && typeof (config as Submittable).submit === 'function'
}
