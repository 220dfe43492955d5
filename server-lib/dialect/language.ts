import type { Isolation } from './control.ts'
import type { DriverErrors } from './errors.ts'
import type { SqlGrammar } from './scan-sql.ts'
import type { Calls } from './statement.ts'
import type { Streams } from './stream.ts'
import type { Reading, Texts } from './texts.ts'
import type { TwoPhase } from './two-phase.ts'
import type { UnknownCommit } from './unknown-commit.ts'
import type { Writing } from './writes.ts'

/** What a database and its driver say and understand, whatever the connection. */
export interface Language extends Capabilities {
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
}

/**
 * What not every database can do. One that cannot has undefined here, and it is told wherever a user would look for it: by
 * a sentence, never by a pretence.
 */
export interface Capabilities {
  /** Whether the server refuses writes in a transaction that is begun READ ONLY. */
  readonly readOnlyTransactions: boolean
  /** The isolation levels that a transaction can be given. */
  readonly isolations: readonly Isolation[]
  /** Whether the server itself ends a statement, or an idle transaction, after a time. */
  readonly serverTimeouts: boolean
  /** Prepared transactions, and a decision about them that survives a crash. */
  readonly twoPhase: TwoPhase | undefined
  /** The outcome of a COMMIT whose answer was lost. */
  readonly unknownCommit: UnknownCommit | undefined
  /** What is prepared, and which locks the connections of `$1` hold or wait for: what an observer asks a server. */
  readonly truthQuestion: string | undefined
  /** Rows in the server's binary form. */
  readonly binaryRows: { prepareValue(value: unknown): string | Uint8Array | null } | undefined
}
