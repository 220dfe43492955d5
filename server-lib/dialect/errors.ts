/** What an error of a statement means for the connection it ran on. */
export type Failure = 'statement' | 'connection'

/** What is known of an error by its code alone. Null for most. */
export type ErrorKind =
  /** The server rolled back so that another transaction could go on: the same work may succeed now. */
  | 'collision'
  /** The transaction has failed before: the server takes nothing but its end. */
  | 'transaction failed'
  | 'no transaction'
  | 'cancelled'
  /** No right to do so. */
  | 'denied'
  /** Nothing there of that name. */
  | 'not found'
  /** There, and in use at the moment. */
  | 'busy'
  /** The server, or the transaction, only reads. */
  | 'read only'
  /** Another transaction holds what it waited for. */
  | 'locked'

/** What a dialect knows of errors. */
export interface DriverErrors {
  /** The server's own code of an error, or undefined for one that did not come from this kind of server. */
  codeOf(error: unknown): string | undefined
  /** The meaning of a code in words, with nothing of the statement or its values. */
  textOf(code: string, error: Error): string
  kindOf(error: unknown): ErrorKind | null
  /** Whether only a statement of our own failed or the connection with it. */
  failureOf(error: unknown): Failure
  /** Whether a statement that failed so has failed the transaction around it, which then takes nothing but its end. */
  failsTransaction(error: Error): boolean
  /** The driver stopped waiting for the answer by a limit of its own. The statement still runs on the server. */
  isUnanswered(error: Error): boolean
}
