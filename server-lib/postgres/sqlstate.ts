import type { DriverErrors, ErrorKind, Failure } from '../dialect/errors.ts'
import { serverErrorText } from './server-error-text.ts'

/** SQLSTATEs after which the server has ended the session: shutdown, crash, dropped database, idle timeouts. */
const SESSION_ENDING = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])

/** The five-character code of an error that came from the server, or undefined for one that did not. */
export function sqlstateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  // Node's own codes (`EPIPE`) can have five characters too; only the server's come with a severity.
  return /^[0-9A-Z]{5}$/.test(error.code) && 'severity' in error ? error.code : undefined
}

/**
 * Whether only the statement failed or the connection with it, of a statement of our own. What does not come from the
 * server (a reset socket, a deadline of ours) leaves the protocol in doubt, so the connection counts as lost.
 */
export function failureOf(error: unknown): Failure {
  const sqlstate = sqlstateOf(error)
  if (sqlstate === undefined) return 'connection'
  // Of class 08 one is the statement's own: a wrong number of parameters is a "protocol violation".
  if (sqlstate === '08P01') return 'statement'
  return sqlstate.startsWith('08') || SESSION_ENDING.has(sqlstate) ? 'connection' : 'statement'
}

/** pg's option `query_timeout` has passed. The statement still runs on the server. */
export function isReadTimeout(error: Error): boolean {
  return error.message === 'Query read timeout' && sqlstateOf(error) === undefined
}

/** What pg-native finds wrong before it hands a statement to libpq. */
const UNSENT = /^(Query values must be an array|Prepared statements must be unique)/

/**
 * The same of a statement of the application. `driver`: the driver gave up on the statement by itself, and says that the
 * connection is still usable. A value could not be written, a name is taken, a type parser threw: nothing else failed with it.
 */
export function failureOn(
  { isClosed, isNative }: { readonly isClosed: boolean; readonly isNative: boolean },
  error: Error,
): Failure | 'driver' {
  if (sqlstateOf(error) !== undefined) return failureOf(error)
  // pg marks its client before it tells of a socket that failed.
  if (isClosed || isReadTimeout(error)) return 'connection'
  // libpq's errors of the network have no SQLSTATE either, and leave the client unmarked.
  if (isNative) return UNSENT.test(error.message) ? 'driver' : 'connection'
  return 'driver'
}

const KINDS: Readonly<Record<string, ErrorKind>> = {
  '40001': 'collision',
  '40P01': 'collision',
  '25P02': 'transaction failed',
  '25P01': 'no transaction',
  '57014': 'cancelled',
  '42501': 'denied',
  // An object, and a table.
  '42704': 'not found',
  '42P01': 'not found',
  '55000': 'busy',
  '55P03': 'locked',
  '25006': 'read only',
  // A standby refuses READ WRITE itself.
  '0A000': 'read only',
}

export const errors: DriverErrors = {
  codeOf: sqlstateOf,
  textOf: serverErrorText,
  kindOf: error => KINDS[sqlstateOf(error) ?? ''] ?? null,
  failureOf,
  failsTransaction: () => true,
  isUnanswered: isReadTimeout,
}
