import { channels } from '../channels.ts'
import { errorFacts } from '../errors.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { isBeginningQuery, type BeginningQuery } from '../postgres/beginning-query.ts'
import {
  commandOf,
  isSubmittable,
  rowsOf,
  type DriverCallback,
  type DriverResult,
  type TransactionStatus,
} from '../postgres/driver.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { currentRequest } from '../sessions/request-scope.ts'
import { lineHere } from '../watch/line-here.ts'
import { shadow } from '../watch/shadow.ts'
import type { Ledger } from './ledger.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import { isBorrowed } from './borrowed-statements.ts'
import { callbackOf, describe, type Statement } from './statement-arguments.ts'
import { followTransaction } from './transactions.ts'

/**
 * Tells of every statement on one driver connection, whoever sends it, by shadowing `query` on that instance. No
 * prototype is touched. The result, the error and the callback are those of the driver; with nobody listening the
 * call goes straight through. The returned function takes the shadow off again.
 */
export function watchStatements(ledger: Ledger, record: ConnectionRecord): () => void {
  let watching = true
  const undo = shadow(
    record.driver,
    'query',
    original =>
      function query(this: unknown, ...args) {
        const [sent] = args
        record.statements += isBeginningQuery(sent) ? 2 : 1
        if (isBorrowed()) {
          record.changedAt = performance.now()
          return original.apply(this, args)
        }
        const isHeard = watching && !record.checkout?.isObserver
        if (isHeard && (channels.statement.hasSubscribers || channels.transaction.hasSubscribers)) {
          return tellOfStatement(ledger, record, args, told => original.apply(this, told))
        }
        record.upcoming = null
        return original.apply(this, args)
      },
  )
  return () => {
    watching = false
    undo()
  }
}

function tellOfStatement(
  ledger: Ledger,
  record: ConnectionRecord,
  args: unknown[],
  send: (args: unknown[]) => unknown,
): unknown {
  const statement = describe(args)
  // Not a statement as far as we can tell: the driver will say what is wrong with it.
  if (!statement) return send(args)
  const [config] = args
  if (isBeginningQuery(config)) tellOfBegin(ledger, record, config)
  const told = statementStarted(ledger, record, statement)
  try {
    return sendTold(args, told, send)
  } catch (error) {
    // The driver throws for arguments that it cannot use; nothing was sent.
    told.refused(error)
    throw error
  }
}

/** BEGIN travels with a statement of the session: to observers they are two, and one is answered before the other. */
function tellOfBegin(ledger: Ledger, record: ConnectionRecord, query: BeginningQuery): void {
  const { upcoming } = record
  record.upcoming = upcoming && { queuedMs: 0, capture: upcoming.capture }
  const begin = statementStarted(ledger, record, { text: query.beginText, parameters: 0, kind: 'query' })
  record.upcoming = upcoming
  // What the server will say of its state when all is answered, it says of BEGIN no sooner.
  query.onBegun(error => begin.ended(error, ['BEGIN'], null, 'T'))
}

function sendTold(args: unknown[], told: ToldStatement, send: (args: unknown[]) => unknown): unknown {
  const [config] = args
  if (isBeginningQuery(config)) {
    // Ours alone: to shadow its handlers one by one would cost ten times as much.
    const { callback } = config
    config.callback = (error, result) => {
      told.answered(error ?? null, result)
      callback?.(error, result)
    }
    return send(args)
  }
  if (isSubmittable(config)) {
    onSubmittableEnd(config, ({ error, rows, command }) => told.ended(error, [command], rows))
    return send(args)
  }
  const callback = callbackOf(args)
  if (callback) {
    const answer = function (this: unknown, ...answered: Parameters<DriverCallback>) {
      told.answered(answered[0] ?? null, answered[1])
      return Reflect.apply(callback.callback, this, answered)
    }
    return callback.sendWith(answer, send)
  }
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

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

interface ToldStatement {
  /** With `status` where the server has not said it yet. */
  ended(
    error: Error | null,
    commands: (string | null)[],
    rows: number | null,
    status?: TransactionStatus,
  ): void
  answered(error: Error | null, result: DriverResult | DriverResult[] | undefined): void
  /** The driver did not even take it. */
  refused(error: unknown): void
}

function statementStarted(
  ledger: Ledger,
  record: ConnectionRecord,
  { text, parameters, kind }: Statement,
): ToldStatement {
  const { checkout } = record
  const { upcoming } = record
  record.upcoming = null
  const isForeign = inForeignContext(record)
  const request = requestOf(record, isForeign)
  const isReading = sitesAreWanted()
  const capture = upcoming?.capture ?? (isReading ? lineOf(checkout) : (checkout?.capture ?? null))
  const id = nextId('q')
  const startedAt = performance.now()
  record.changedAt = startedAt
  if (channels.statement.hasSubscribers) {
    const publish = () =>
      channels.statement.publish({
        phase: 'start',
        at: startedAt,
        id,
        engine: ledger.engine,
        pool: ledger.pool,
        connection: record.id,
        slot: record.slot,
        backendPid: record.backendPid,
        checkout: checkout?.id ?? null,
        session: checkout?.session ?? null,
        request,
        transaction: record.transaction?.id ?? null,
        text,
        parameters,
        kind,
        queuedMs: upcoming?.queuedMs ?? 0,
        site: isReading ? siteOf(capture) : null,
      })
    if (isForeign && checkout?.inContext) checkout.inContext(publish)
    else publish()
  }

  let over = false
  const ended: ToldStatement['ended'] = (error, commands, rows, status) => {
    if (over) return
    over = true
    const at = performance.now()
    record.changedAt = at
    if (channels.statement.hasSubscribers) {
      channels.statement.publish({
        phase: 'end',
        at,
        id,
        engine: ledger.engine,
        durationMs: at - startedAt,
        rows,
        command: commands.at(-1) ?? null,
        error: error && errorFacts(error),
      })
    }
    const { engine, pool } = ledger
    const answer = { id, text, startedAt, commands, error, engine, pool, request, capture }
    if (!record.isBorrowed) followTransaction(record, status === undefined ? answer : { ...answer, status })
  }
  return {
    ended,
    answered(error, result) {
      const commands = Array.isArray(result) ? result.map(one => one.command ?? null) : [commandOf(result)]
      ended(error, commands, rowsOf(result))
    },
    refused(error) {
      over = true
      if (!channels.statement.hasSubscribers) return
      const at = performance.now()
      const answer = { durationMs: at - startedAt, rows: null, command: null, error: errorFacts(error) }
      channels.statement.publish({ phase: 'end', at, id, engine: ledger.engine, ...answer })
    },
  }
}

/**
 * Whether the async context is one that this statement does not belong to. A callback of pg runs in the context that
 * opened the socket, and one of the pool in that of whoever released: both can be another request's.
 */
function inForeignContext({ checkout, openedIn }: ConnectionRecord): boolean {
  if (!checkout) return false
  if (checkout.isSingleStatement) return true
  const here = currentRequest()?.id ?? null
  if (here === checkout.request) return false
  return here === null || here === openedIn || here === checkout.grantedIn
}

/** A session knows its request. Elsewhere it is that of the context that sends, or else of the check-out. */
function requestOf({ checkout }: ConnectionRecord, isForeign: boolean): string | null {
  if (checkout && (isForeign || checkout.session)) return checkout.request
  return currentRequest()?.id ?? checkout?.request ?? null
}

/** The application's line for a statement outside of sessions: where it is sent, or else of the check-out. */
function lineOf(checkout: CheckoutRecord | null): SiteCapture | null {
  // The pool itself sends it, on the stack of whoever happened to release.
  if (checkout?.isSingleStatement) return checkout.capture
  const here = lineHere()
  return siteOf(here) || !checkout ? here : checkout.capture
}
