import type { TransactionStatus } from '../dialect/transaction-status.ts'
import { channels } from '../channels/channels.ts'
import type { StatementMessage } from '../channels/messages.ts'
import { errorFacts, type ErrorFacts } from '../channels/errors.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { isBeginningQuery, type BeginningQuery } from '../postgres/beginning-query.ts'
import { isEnclosedQuery } from '../postgres/enclosed-query.ts'
import {
  commandOf,
  isSubmittable,
  rowsOf,
  type DriverCallback,
  type DriverResult,
} from '../postgres/driver.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { currentRequest } from '../requests/request-scope.ts'
import { bindToContext } from '../postgres/bind-submittable.ts'
import { boundTo, contextHere } from '../watch/caller-context.ts'
import { borrowerSends, knexSends } from '../watch/whispers.ts'
import { lineHere } from '../watch/line-here.ts'
import { shadow, type Method } from '../watch/shadow.ts'
import type { Books } from './books.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import { notingKept } from './note-kept.ts'
import { callbackOf, statementIn, type CallbackArgument, type Statement } from '../postgres/statement-arguments.ts'
import { followTransaction } from './transactions.ts'

/**
 * Reports every statement on one driver connection, whatever sends it, by shadowing `query` on that instance. No
 * prototype is touched. The result, the error and the callback stay the driver's; without listeners the call goes
 * straight through. The returned function takes the shadow off again.
 */
export function watchStatements(books: Books, record: ConnectionRecord): () => void {
  let watching = true
  const undo = shadow(
    record.driver,
    'query',
    original =>
      function query(this: unknown, ...args) {
        const [sent] = args
        record.statements += isBeginningQuery(sent) ? 2 : 1
        if (borrowerSends.said) {
          record.changedAt = performance.now()
          return original.apply(this, args)
        }
        const isHeard = watching && !record.checkout?.isObserver
        const send = watching && isApplications(record) ? bindingAnswers(original, args) : original
        const noting = isHeard ? notingKept(books, record, args) : undefined
        if (isHeard && (channels.statement.hasSubscribers || channels.transaction.hasSubscribers)) {
          const sent = (told: unknown[]) => send.apply(this, told)
          if (noting) return noting(noted => tellOfStatement(books, record, noted, sent))
          return tellOfStatement(books, record, args, sent)
        }
        record.upcoming.take()
        if (noting) return noting(noted => send.apply(this, noted))
        return send.apply(this, args)
      },
  )
  return () => {
    watching = false
    undo()
  }
}

/**
 * Whether the application may have a callback or reader of the statement. Sessions, observers and knex only settle a
 * promise in theirs, and `pool.query` is bound as a whole.
 */
function isApplications({ checkout, isBorrowed }: ConnectionRecord): boolean {
  return !isBorrowed && !knexSends.said && checkout?.isApplications !== false
}

/** The driver's `query`, bound so that it answers this statement in the context that runs now. */
function bindingAnswers(query: Method, args: unknown[]): Method {
  const [config] = args
  if (isSubmittable(config)) {
    const unbind = bindToContext(config)
    onSubmittableEnd(config, unbind)
    return query
  }
  if (!callbackOf(args)) return query
  const context = contextHere()
  return function (this: unknown, ...told) {
    const { callback, sendWith } = callbackOf(told) as CallbackArgument
    return sendWith(boundTo(context, callback as Method) as DriverCallback, sent => query.apply(this, sent))
  }
}

function tellOfStatement(
  books: Books,
  record: ConnectionRecord,
  args: unknown[],
  send: (args: unknown[]) => unknown,
): unknown {
  const statement = statementIn(args)
  // Not recognizably a statement: the driver will say what is wrong with it.
  if (!statement) return send(args)
  const [config] = args
  if (isBeginningQuery(config)) tellOfBegin(books, record, config)
  const told = new ToldStatement(books, record, statement)
  try {
    return sendTold(args, told, send)
  } catch (error) {
    // The driver throws for arguments that it cannot use; nothing was sent.
    told.refused(error)
    throw error
  }
}

/** A session pipelines BEGIN with its statement. Observers see two statements, and BEGIN is answered first. */
function tellOfBegin(books: Books, record: ConnectionRecord, query: BeginningQuery): void {
  const upcoming = record.upcoming.said
  record.upcoming.said = upcoming && { queuedMs: 0, capture: upcoming.capture }
  const begin = new ToldStatement(books, record, { text: query.beginText, parameters: 0, kind: 'query' })
  record.upcoming.said = upcoming
  // The server reports its status only once all is answered, so BEGIN's is given here.
  query.onBegun(error => begin.ended(error, ['BEGIN'], null, 'open'))
}

function sendTold(args: unknown[], told: ToldStatement, send: (args: unknown[]) => unknown): unknown {
  const [config] = args
  if (isBeginningQuery(config) || isEnclosedQuery(config)) {
    // The config is ours alone. Shadowing its handlers one by one would cost ten times as much.
    config.callback = tellingFirst(told, config.callback)
    return send(args)
  }
  if (isSubmittable(config)) {
    onSubmittableEnd(config, ({ error, rows, command }) => told.ended(error, [command], rows))
    return send(args)
  }
  // Sessions and knex send nearly all of theirs in this form. The argument list is ours.
  if (typeof config === 'string' && typeof args[2] === 'function') {
    args[2] = tellingFirst(told, args[2] as DriverCallback)
    return send(args)
  }
  const callback = callbackOf(args)
  if (callback) return callback.sendWith(tellingFirst(told, callback.callback), send)
  const promise = send(args)
  if (!isThenable(promise)) return promise
  // Derived, not observed on the side: a rejection that the application never handles must stay unhandled.
  return promise.then(
    result => {
      told.answered(null, result as DriverResult)
      return result
    },
    (error: unknown) => {
      told.answered(asError(error), undefined)
      throw error
    },
  )
}

/**
 * Reports first, then calls the statement's callback. It drops its reference as it is called: it hangs on the driver's
 * query, and V8 was seen to keep such a query, with all it refers to, for a second.
 */
function tellingFirst(statement: ToldStatement, callback: DriverCallback | null | undefined): DriverCallback {
  let told: ToldStatement | undefined = statement
  return function (this: unknown, ...answered: Parameters<DriverCallback>) {
    const telling = told
    told = undefined
    telling?.answered(answered[0] ?? null, answered[1])
    return callback ? Reflect.apply(callback, this, answered) : undefined
  }
}

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/**
 * A statement that was handed to the driver, and what is reported of it. A class, because one closure per report would
 * be garbage too.
 */
class ToldStatement {
  readonly #books: Books
  readonly #record: ConnectionRecord
  readonly #text: string
  readonly #id = nextId('q')
  readonly #startedAt = performance.now()
  readonly #request: string | null
  #capture: SiteCapture | null
  #over = false

  constructor(books: Books, record: ConnectionRecord, { text, parameters, kind }: Statement) {
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
