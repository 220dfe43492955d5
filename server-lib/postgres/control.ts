import { ISOLATIONS, type Isolation } from '../dialect/control.ts'
import type { Texts } from '../dialect/texts.ts'

interface TransactionTimeouts {
  readonly statementTimeoutMs: number | undefined
  readonly idleInTransactionTimeoutMs: number | undefined
}

interface BeginOptions extends TransactionTimeouts {
  readonly readOnly: boolean
  /** Undefined leaves it to the server's default. */
  readonly isolation: Isolation | undefined
}

/** What begins transactions, by the options of their engine and what is asked of them. */
const textsByOptions = new WeakMap<object, Map<number, readonly string[]>>()

/** BEGIN with everything that holds for this transaction alone, a statement each. The same list for the same `options`. */
export function beginTexts(
  options: TransactionTimeouts,
  { readOnly, isolation }: { readOnly: boolean; isolation: Isolation | undefined },
): readonly string[] {
  let texts = textsByOptions.get(options)
  if (!texts) textsByOptions.set(options, (texts = new Map()))
  const key = 2 * ISOLATIONS.indexOf(isolation as Isolation) + (readOnly ? 1 : 0)
  let known = texts.get(key)
  if (!known) texts.set(key, (known = textsFor({ readOnly, isolation, ...options })))
  return known
}

function textsFor({
  readOnly,
  isolation,
  statementTimeoutMs,
  idleInTransactionTimeoutMs,
}: BeginOptions): string[] {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`
  const parts = [`BEGIN${level}${readOnly ? ' READ ONLY' : ''}`]
  if (statementTimeoutMs !== undefined) parts.push(`SET LOCAL statement_timeout = ${statementTimeoutMs}`)
  if (idleInTransactionTimeoutMs !== undefined) {
    parts.push(`SET LOCAL idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs}`)
  }
  return parts
}

export const ROLLBACK = 'ROLLBACK'
export const READ_ONLY_SESSION = 'SET default_transaction_read_only = on'
const RESET_READ_ONLY_SESSION = 'RESET default_transaction_read_only'
/** Settings, roles, advisory locks, LISTEN, temporary tables, prepared statements, cursors. Refused in a transaction. */
const DISCARD_ALL = 'DISCARD ALL'

/** What is sent before a connection goes back to its pool; nothing for most engines. One text each: DISCARD ALL stands alone. */
function resetTexts(engine: {
  readonly isReadOnlySession: boolean
  readonly owned: boolean
  readonly resetOnRelease: boolean
}): string[] {
  const { isReadOnlySession, owned, resetOnRelease } = engine
  if (!resetOnRelease) return isReadOnlySession && !owned ? [RESET_READ_ONLY_SESSION] : []
  // Of a pool of our own each connection was opened so.
  return isReadOnlySession && owned ? [DISCARD_ALL, READ_ONLY_SESSION] : [DISCARD_ALL]
}

/**
 * Settings of the transaction that is open. With parameters, although BEGIN could bring them along: the text of a statement is
 * told to observers, and what a request says of itself is not for them.
 */
function setForTransaction(settings: Readonly<Record<string, string>>) {
  const pairs = Object.entries(settings)
  const calls = pairs.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, true)`)
  return { text: `SELECT ${calls.join(', ')}`, values: pairs.flat() }
}

const savepoint = (name: string) => `SAVEPOINT ${name}`
const releaseSavepoint = (name: string) => `RELEASE SAVEPOINT ${name}`
/** Back to the savepoint, which then goes too: it would otherwise stay open until the transaction ends. */
const rollbackToSavepoint = (name: string) => `ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`

// ------------------------------------------------------------------------------------- two-phase commit

export const prepareTransaction = (gid: string) => `PREPARE TRANSACTION ${literal(gid)}`
export const commitPrepared = (gid: string) => `COMMIT PREPARED ${literal(gid)}`
export const rollbackPrepared = (gid: string) => `ROLLBACK PREPARED ${literal(gid)}`

/** A text as SQL, whatever `standard_conforming_strings` says: transaction control takes no parameters. */
export function literal(text: string): string {
  const quoted = text.replaceAll("'", "''")
  return text.includes('\\') ? ` E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`
}

export const texts: Texts = {
  begin: beginTexts,
  commit: 'COMMIT',
  rollback: ROLLBACK,
  savepoint,
  releaseSavepoint,
  rollbackToSavepoint,
  rollbackToSavepointOnly: name => `ROLLBACK TO SAVEPOINT ${name}`,
  readOnlyHere: 'SET TRANSACTION READ ONLY',
  readOnlySession: READ_ONLY_SESSION,
  resets: resetTexts,
  forgetsPrepared: resets => resets.includes(DISCARD_ALL),
  setForTransaction,
  checkConstraints: 'SET CONSTRAINTS ALL IMMEDIATE',
  written: 'select pg_current_xact_id_if_assigned() is not null as written',
}
