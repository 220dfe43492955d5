import type { TransactionStatus } from '../dialect/transaction-status.ts'
import { channels } from '../channels/channels.ts'
import type { StatementMessage } from '../channels/messages.ts'
import { errorFacts, type ErrorFacts } from '../channels/errors.ts'
import { commandOf, rowsOf, type DriverResult } from '../dialect/result.ts'
import type { StatementFacts } from '../dialect/statement.ts'
import type { ToldStatement } from '../dialect/statement-watch.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { valuesHash } from '../identity/values-hash.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { comparedValues } from '../identity/wanted-values.ts'
import { currentRequest } from '../requests/request-scope.ts'
import { lineHere } from '../watch/line-here.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import type { PoolNames } from './reports.ts'
import { followTransaction } from './transactions.ts'

/**
 * A statement that was handed to the driver, and what is reported of it. A class, because one closure per report would
 * be garbage too.
 */
export class SentStatement implements ToldStatement {
  readonly #books: PoolNames
  readonly #record: ConnectionRecord
  readonly #text: string
  readonly #id = nextId('q')
  readonly #startedAt = performance.now()
  readonly #request: string | null
  #capture: SiteCapture | null
  #over = false

  constructor(
    books: PoolNames,
    record: ConnectionRecord,
    { text, parameters, values, kind }: StatementFacts,
  ) {
    const { checkout } = record
    const upcoming = record.upcoming.take()
    const isReading = sitesAreWanted()
    this.#books = books
    this.#record = record
    this.#text = text
    this.#request = requestOf(record)
    this.#capture = upcoming?.capture ?? (isReading ? lineOf(checkout) : (checkout?.capture ?? null))
    record.changedAt = this.#startedAt
    if (!channels.statement.hasSubscribers) return
    const message: StatementMessage = {
      phase: 'start',
      at: this.#startedAt,
      id: this.#id,
      engine: books.engine,
      pool: books.pool,
      connection: record.id,
      slot: record.slot,
      backendPid: record.backendPid,
      checkout: checkout?.id ?? null,
      session: checkout?.session ?? null,
      request: this.#request,
      transaction: record.transaction?.id ?? null,
      text,
      parameters,
      kind,
      queuedMs: upcoming?.queuedMs ?? 0,
      site: isReading ? siteOf(this.#capture) : null,
      valuesHash: comparedValues.isWanted ? hashOf(values) : null,
    }
    if (isOutsideOf(checkout) && checkout.context)
      checkout.context.runInAsyncScope(() => channels.statement.publish(message))
    else channels.statement.publish(message)
  }

  answered(error: Error | null, result: DriverResult | DriverResult[] | undefined): void {
    const commands = Array.isArray(result) ? result.map(one => one.command ?? null) : [commandOf(result)]
    this.ended(error, commands, rowsOf(result))
  }

  /** `status` is given where the server has not reported it yet. */
  ended(
    error: Error | null,
    commands: (string | null)[],
    rows: number | null,
    status?: TransactionStatus,
  ): void {
    if (this.#over) return
    this.#over = true
    const at = performance.now()
    const record = this.#record
    record.changedAt = at
    this.#tell(at, error && errorFacts(error), commands.at(-1) ?? null, rows)
    const capture = this.#capture
    this.#capture = null
    if (record.isBorrowed) return
    const { engine, pool } = this.#books
    followTransaction(record, {
      id: this.#id,
      text: this.#text,
      startedAt: this.#startedAt,
      commands,
      error,
      engine,
      pool,
      request: this.#request,
      capture,
      status,
    })
  }

  /** The driver refused it before sending. */
  refused(error: unknown): void {
    this.#over = true
    this.#tell(performance.now(), errorFacts(error), null, null)
  }

  #tell(at: number, error: ErrorFacts | null, command: string | null, rows: number | null): void {
    if (!channels.statement.hasSubscribers) return
    channels.statement.publish({
      phase: 'end',
      at,
      id: this.#id,
      engine: this.#books.engine,
      durationMs: at - this.#startedAt,
      rows,
      command,
      error,
    })
  }
}

const NO_VALUES: readonly unknown[] = []
const hashOf = (values: unknown) => valuesHash(Array.isArray(values) ? values : NO_VALUES)

/**
 * Whether the holder's request is known and the async context has none: a listener from before we watched, a worker.
 */
function isOutsideOf(checkout: CheckoutRecord | null): checkout is CheckoutRecord {
  return checkout !== null && checkout.request !== null && currentRequest() === undefined
}

/** A session knows its request. Otherwise it is the request of the sending context, or else that of the check-out. */
function requestOf({ checkout }: ConnectionRecord): string | null {
  if (checkout?.session) return checkout.request
  return currentRequest()?.id ?? checkout?.request ?? null
}

/** The application's line for a statement outside of sessions: where it is sent, or else where it was checked out. */
function lineOf(checkout: CheckoutRecord | null): SiteCapture | null {
  // The pool itself sends it, on the stack of whatever happened to release.
  if (checkout?.isSingleStatement) return checkout.capture
  const here = lineHere()
  return siteOf(here) || !checkout ? here : checkout.capture
}
