/** What an error of a statement means for the connection it ran on. */
export type Failure = 'statement' | 'connection'

/** SQLSTATEs after which the server has ended the session: shutdown, crash, dropped database, idle timeouts. */
const SESSION_ENDING = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])

/** The five-character code of an error that came from the server, or undefined for one that did not. */
export function sqlstateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  // Node's own codes (`EPIPE`) can have five characters too; only the server's come with a severity.
  return /^[0-9A-Z]{5}$/.test(error.code) && 'severity' in error ? error.code : undefined
}

/**
 * Whether only the statement failed or the connection with it. What does not come from the server (a reset
 * socket, pg's own timeout, an encoding error) leaves the protocol in doubt, so the connection counts as lost.
 */
export function failureOf(error: unknown): Failure {
  const sqlstate = sqlstateOf(error)
  if (sqlstate === undefined) return 'connection'
  // Of class 08 one is the statement's own: a wrong number of parameters is a "protocol violation".
  if (sqlstate === '08P01') return 'statement'
  return sqlstate.startsWith('08') || SESSION_ENDING.has(sqlstate) ? 'connection' : 'statement'
}
