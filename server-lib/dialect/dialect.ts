import type { DriverConnection } from './connection.ts'
import type { Language } from './language.ts'
import type { StatementWatch } from './statement-watch.ts'

/** A database and its driver, with everything that only they know. */
export interface Dialect extends Language {
  /** Whether a value is a connection of its driver. */
  isConnection(value: object): boolean
  /** The same for the same connection of the driver, as long as that exists. */
  connectionOf(raw: object): DriverConnection
  /** Tells the watch of every statement on what has the `query` of its connections. The returned function ends it. */
  watchStatements(raw: object, watch: StatementWatch): () => void
}
