import { channels } from '../channels/channels.ts'
import type { TransactionOutcome } from '../channels/words.ts'
import { errorFacts } from '../channels/errors.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { TransactionStatus } from '../dialect/transaction-status.ts'
import type { Control } from '../dialect/control.ts'
import type { ConnectionRecord } from './records.ts'

/** What a statement that was just answered says about its connection's transaction. */
export interface StatementAnswer {
  readonly id: string
  readonly text: string
  readonly startedAt: number
  readonly commands: readonly (string | null)[]
  readonly error: Error | null
  readonly engine: string
  readonly pool: string
  readonly request: string | null
  readonly capture: SiteCapture | null
  /** The status that follows from the answer, where the server has not reported it yet. */
  readonly status: TransactionStatus | undefined
}

/**
 * Follows the server's status: a transaction begins and ends when the server says so, whatever sent BEGIN or COMMIT and
 * however it was spelled. The text says only what was *asked for*.
 */
export function followTransaction(record: ConnectionRecord, answer: StatementAnswer): void {
  const asked = record.driver.dialect.reading.firstControl(answer.text)
  const status = statusAfter(record, answer, asked)
  if (status === 'unknown') return
  if (status === 'none') {
    if (record.transaction) {
      record.transaction.statements++
      endTransaction(record, outcomeOf(record, answer), asked)
    }
    return
  }
  if (!record.transaction) startTransaction(record, answer)
  const transaction = record.transaction
  if (!transaction) return
  transaction.statements++
  if (asked && !answer.error) tellSavepoint(transaction.id, asked)
  if (status === 'failed' && !transaction.failed) {
    transaction.failed = true
    if (channels.transaction.hasSubscribers) {
      const { id: statement, error } = answer
      channels.transaction.publish({
        phase: 'failed',
        at: performance.now(),
        id: transaction.id,
        statement,
        error: errorFacts(error),
      })
    }
  } else if (status === 'open') {
    transaction.failed = false
  }
}

/**
 * The status after this answer. pg reports an error before it reads the ReadyForQuery that follows, so the status is
 * then still the previous one: an error inside a transaction has failed it.
 */
function statusAfter(
  record: ConnectionRecord,
  { error, status: known }: StatementAnswer,
  asked: Control | null,
): TransactionStatus {
  const { status } = record.driver
  if (!error) return known ?? status
  const failure = record.driver.failureOn(error)
  if (failure === 'connection') return 'none'
  // The status does not yet show a BEGIN that was pipelined with a statement the driver could not write.
  if (failure === 'driver')
    return status === 'none' && record.transaction && !record.driver.isReady ? 'open' : status
  if (!record.driver.dialect.errors.failsTransaction(error)) return status
  // A COMMIT that fails (a deferred constraint, a serialization conflict) has rolled back: nothing is left open.
  if (asked?.ask === 'commit' || asked?.ask === 'prepare') return 'none'
  if (status === 'unknown') return status
  // The status does not yet show a BEGIN that was pipelined with this failed statement.
  return status === 'none' && !record.transaction ? 'none' : 'failed'
}

function startTransaction(record: ConnectionRecord, answer: StatementAnswer): void {
  const transaction = { id: nextId('t'), startedAt: answer.startedAt, statements: 0, failed: false }
  record.transaction = transaction
  if (!channels.transaction.hasSubscribers) return
  channels.transaction.publish({
    phase: 'start',
    at: answer.startedAt,
    id: transaction.id,
    engine: answer.engine,
    pool: answer.pool,
    connection: record.id,
    backendPid: record.backendPid,
    checkout: record.checkout?.id ?? null,
    session: record.checkout?.session ?? null,
    request: answer.request,
    site: sitesAreWanted() ? siteOf(answer.capture) : null,
  })
}

/** Ends the transaction on a connection: the server answered, or the connection is gone. */
export function endTransaction(
  record: ConnectionRecord,
  outcome: TransactionOutcome,
  asked: Control | null,
): void {
  const { transaction } = record
  if (!transaction) return
  record.transaction = null
  if (!channels.transaction.hasSubscribers) return
  const at = performance.now()
  channels.transaction.publish({
    phase: 'end',
    at,
    id: transaction.id,
    durationMs: at - transaction.startedAt,
    outcome,
    asked:
      asked && (asked.ask === 'commit' || asked.ask === 'rollback' || asked.ask === 'prepare')
        ? asked.ask
        : null,
    statements: transaction.statements,
  })
}

function outcomeOf({ driver }: ConnectionRecord, { commands, error }: StatementAnswer): TransactionOutcome {
  if (error) return driver.failureOn(error) === 'connection' ? 'lost' : 'rolled back'
  const last = commands.findLast(
    command => command === 'COMMIT' || command === 'ROLLBACK' || command === 'PREPARE',
  )
  if (last === 'COMMIT') return 'committed'
  return last === 'PREPARE' ? 'prepared' : 'rolled back'
}

const SAVEPOINT_ACTIONS = { savepoint: 'set', release: 'released', 'rollback to': 'rolled back' } as const

function tellSavepoint(id: string, asked: Control): void {
  if (!('name' in asked) || !channels.transaction.hasSubscribers) return
  const { name, ask } = asked
  const action = SAVEPOINT_ACTIONS[ask]
  channels.transaction.publish({ phase: 'savepoint', at: performance.now(), id, name, action })
}
