import type { DecisionLimits, PreparedPart } from '../../dialect/two-phase.ts'
import { literal } from '../control.ts'

/** The two tables of `engines.install()`, with their schema: a session may have set another search path. */
export const DECISION_TABLE = 'public.enginelight_decision'
export const LOCATION_TABLE = 'public.enginelight_location'

/** Which database it is, whatever name and address it is reached by. */
export const LOCATION_ID = `SELECT id::text AS id FROM ${LOCATION_TABLE}`

/**
 * Inserts the decision row in the open transaction of the last participant; its COMMIT is the decision. One text, so one
 * round trip. A coordinator that stands still must not hold it for ever, so the server ends it then.
 */
export function insertDecision(
  transaction: string,
  application: string,
  parts: readonly PreparedPart[],
  { idleTimeoutMs, lockTimeoutMs }: DecisionLimits,
): string {
  return [
    `SET LOCAL idle_in_transaction_session_timeout = ${idleTimeoutMs}`,
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    `INSERT INTO ${DECISION_TABLE} (transaction, outcome, application, participants) VALUES (${literal(transaction)}, 'commit', ${literal(application)}, ${literal(JSON.stringify(parts))})`,
  ].join('; ')
}

/**
 * What is told as committed must survive a crash of the server, so where the transaction that holds the decision has a
 * lower `synchronous_commit` it is raised; never lowered. It costs as much as the row itself (85 µs, where both SET LOCAL
 * take 10), so it is sent while the others are being prepared, and has to be answered before the COMMIT is sent.
 */
export const RAISE_DURABILITY = `SELECT pg_catalog.set_config('synchronous_commit', 'on', true) WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')`

/**
 * Takes away the rows of those that everybody has carried out. Their loss costs nothing, so they need not reach the disk.
 */
export const deleteDecisions = (transactions: readonly string[]) => ({
  text: `WITH lazily AS (SELECT pg_catalog.set_config('synchronous_commit', 'off', true))
    DELETE FROM ${DECISION_TABLE} USING lazily WHERE transaction = ANY ($1::uuid[])`,
  values: [transactions],
})

/**
 * Asks for the decision by trying to take its place: it waits behind a coordinator that still holds the row, fails with a
 * unique violation when that has committed, and succeeds only when it never will. It is rolled back afterwards: the
 * coordinator inserts once, before its first PREPARE, so whoever sees a prepared transaction comes after that, and a row
 * that stayed would be taken by the next who asks for a commit.
 */
export const insertFence = (transaction: string, lockTimeoutMs: number) =>
  [
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    `INSERT INTO ${DECISION_TABLE} (transaction, outcome, participants) VALUES (${literal(transaction)}, 'abort', '[]')`,
  ].join('; ')
