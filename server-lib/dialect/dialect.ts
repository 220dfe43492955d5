import type { DriverConnection } from './connection.ts'
import type { DriverErrors } from './errors.ts'
import type { SqlGrammar } from './scan-sql.ts'
import type { Calls } from './statement.ts'
import type { StatementWatch } from './statement-watch.ts'
import type { Streams } from './stream.ts'
import type { Reading, Texts } from './texts.ts'
import type { TwoPhase } from './two-phase.ts'
import type { UnknownCommit } from './unknown-commit.ts'
import type { Writing } from './writes.ts'

/**
 * A database and its driver, with everything that only they know. What may be absent is a capability: undefined, and
 * told as absent wherever a user would look for it.
 */
export interface Dialect extends Capabilities {
  /** OpenTelemetry's `db.system.name`. */
  readonly system: string
  /** Its name in sentences. */
  readonly title: string
  /** The port of a server that is given without one; null for a database without servers. */
  readonly defaultPort: number | null
  readonly grammar: SqlGrammar
  readonly texts: Texts
  readonly reading: Reading
  readonly writing: Writing
  readonly errors: DriverErrors
  readonly calls: Calls
  readonly streams: Streams
  /** Whether a value is a connection of its driver. */
  isConnection(value: object): boolean
  /** The same for the same connection of the driver, as long as that exists. */
  connectionOf(raw: object): DriverConnection
  /** Tells the watch of every statement on a connection. The returned function ends it. */
  watchStatements(raw: object, watch: StatementWatch): () => void
  /**
   * Runs the listeners of a connection in the async context of their registration. `isOwn`: it was opened in our context,
   * and not in that of the caller that needed it first. The returned function ends it.
   */
  bindListeners(raw: object, isOurs: () => boolean, isOwn: boolean): () => void
}

/** What not every database can do. */
export interface Capabilities {
  /** Prepared transactions, and a decision about them that survives a crash. */
  readonly twoPhase: TwoPhase | undefined
  /** The outcome of a COMMIT whose answer was lost. */
  readonly unknownCommit: UnknownCommit | undefined
  /** What is prepared, and which locks the connections of `$1` hold or wait for: what an observer asks a server. */
  readonly truthQuestion: string | undefined
  /** Rows in the server's binary form. */
  readonly binaryRows: { prepareValue(value: unknown): string | Uint8Array | null } | undefined
}
