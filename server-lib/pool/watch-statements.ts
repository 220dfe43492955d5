import { channels } from '../channels.ts'
import { errorFacts } from '../errors.ts'
import { nextId } from '../identity/ids.ts'
import { captureSite, siteOf, type SiteCapture } from '../identity/site.ts'
import {
  commandOf,
  isSubmittable,
  rowsOf,
  type DriverCallback,
  type DriverResult,
} from '../postgres/driver.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { currentRequest } from '../sessions/request-scope.ts'
import { siteFromCaller } from '../watch/caller-site.ts'
import type { Ledger } from './ledger.ts'
import type { ConnectionRecord } from './records.ts'
import { followTransaction } from './transactions.ts'

/**
 * Tells of every statement on one driver connection, whoever sends it, by shadowing `query` on that instance. No
 * prototype is touched. The result, the error and the callback are those of the driver; with nobody listening the
 * call goes straight through. The returned function takes the shadow off again.
 */
export function watchStatements(ledger: Ledger, record: ConnectionRecord): () => void {
  const { driver } = record
  const before = Object.getOwnPropertyDescriptor(driver, 'query')
  const original = driver.query
  let watching = true

  function query(this: unknown, ...args: unknown[]): unknown {
    if (!watching || !(channels.statement.hasSubscribers || channels.transaction.hasSubscribers)) {
      record.upcoming = null
      return original.apply(this, args)
    }
    return tellOfStatement(ledger, record, args, told => original.apply(this, told))
  }
  Object.defineProperty(driver, 'query', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: query,
  })

  return () => {
    watching = false
    // Somebody may have shadowed it after us; then ours stays underneath and only passes on.
    if (driver.query !== query) return
    if (before) Object.defineProperty(driver, 'query', before)
    else delete (driver as { query?: unknown }).query
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
  const told = statementStarted(ledger, record, statement)
  const [config] = args
  if (isSubmittable(config)) {
    onSubmittableEnd(config, ({ error, rows, command }) => told.ended(error, [command], rows))
    return send(args)
  }
  const { callback, withCallback } = callbackOf(args)
  if (callback) {
    return send(
      withCallback(function (this: unknown, ...answer: Parameters<DriverCallback>) {
        told.answered(answer[0] ?? null, answer[1])
        return Reflect.apply(callback, this, answer)
      }),
    )
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
      told.answered(error instanceof Error ? error : new Error(String(error)), undefined)
      throw error
    },
  )
}

interface Statement {
  text: string
  parameters: number
  kind: 'query' | 'cursor'
}

function describe([config, values]: unknown[]): Statement | undefined {
  if (typeof config === 'string') return { text: config, parameters: countOf(values), kind: 'query' }
  if (typeof config !== 'object' || config === null) return undefined
  if (isSubmittable(config)) {
    const source = typeof config.text === 'string' ? config : config.cursor
    return { text: source?.text ?? '', parameters: countOf(source?.values), kind: 'cursor' }
  }
  const { text, name, values: own } = config as { text?: unknown; name?: unknown; values?: unknown }
  if (typeof text === 'string') return { text, parameters: countOf(own ?? values), kind: 'query' }
  return typeof name === 'string'
    ? { text: `EXECUTE ${name}`, parameters: countOf(own ?? values), kind: 'query' }
    : undefined
}

const countOf = (values: unknown) => (Array.isArray(values) ? values.length : 0)

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** pg takes its callback as the last argument, as the second one, or inside of the config. */
function callbackOf(args: unknown[]): {
  callback: DriverCallback | undefined
  withCallback: (callback: DriverCallback) => unknown[]
} {
  const position = typeof args[1] === 'function' ? 1 : typeof args[2] === 'function' ? 2 : -1
  if (position !== -1) {
    return {
      callback: args[position] as DriverCallback,
      withCallback: callback => args.with(position, callback),
    }
  }
  const inside = (args[0] as { callback?: unknown } | null)?.callback
  if (typeof inside !== 'function') return { callback: undefined, withCallback: () => args }
  return {
    callback: inside as DriverCallback,
    // A copy, since pg keeps what it is given and the application may use its config again.
    withCallback: callback => [copyWith(args[0] as object, { callback }), ...args.slice(1)],
  }
}

function copyWith(config: object, more: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(config) as object) as object, config, more)
}

interface ToldStatement {
  ended(error: Error | null, commands: (string | null)[], rows: number | null): void
  answered(error: Error | null, result: DriverResult | DriverResult[] | undefined): void
}

function statementStarted(
  ledger: Ledger,
  record: ConnectionRecord,
  { text, parameters, kind }: Statement,
): ToldStatement {
  const { checkout } = record
  const { upcoming } = record
  record.upcoming = null
  const scope = currentRequest()
  // A session knows its request. Elsewhere it is that of the context that sends, unless a callback of the pool
  // brought us here: then the context is that of whoever released the connection.
  const request =
    checkout?.session || checkout?.inContext ? checkout.request : (scope?.id ?? checkout?.request ?? null)
  const capture = upcoming?.capture ?? lineOf(text, scope, checkout?.capture ?? null)
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
        site: siteOf(capture),
      })
    if (checkout?.inContext) checkout.inContext(publish)
    else publish()
  }

  let over = false
  const ended: ToldStatement['ended'] = (error, commands, rows) => {
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
    followTransaction(record, { id, text, startedAt, commands, error, engine, pool, request, capture })
  }
  return {
    ended,
    answered(error, result) {
      const commands = Array.isArray(result) ? result.map(one => one.command ?? null) : [commandOf(result)]
      ended(error, commands, rowsOf(result))
    },
  }
}

/** The application's line for a statement outside of sessions: of its builder, of its first time in this request, or of the check-out. */
function lineOf(
  text: string,
  scope: ReturnType<typeof currentRequest>,
  checkedOutAt: SiteCapture | null,
): SiteCapture | null {
  const fromCaller = siteFromCaller()
  if (fromCaller) return fromCaller
  const own = scope ? scope.firstSite(text, captureSite) : captureSite()
  return siteOf(own) ? own : checkedOutAt
}
