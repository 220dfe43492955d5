import type { DriverCallback, DriverResult } from '../dialect/result.ts'
import type { CallbackArgument } from '../dialect/statement.ts'
import type { StatementWatch, ToldStatement } from '../dialect/statement-watch.ts'
import { boundTo, contextHere } from '../watch/caller-context.ts'
import { shadow, type Method } from '../watch/shadow.ts'
import { isBeginningQuery } from './beginning-query.ts'
import { bindToContext } from './bind-submittable.ts'
import { isSubmittable } from './driver.ts'
import { isEnclosedQuery } from './enclosed-query.ts'
import { callbackOf, statementIn } from './statement-arguments.ts'
import { onSubmittableEnd } from './submittable.ts'

type Send = (args: unknown[]) => unknown

/**
 * Tells the watch of every statement on one client of pg, by shadowing `query` on that instance. No prototype is touched.
 * The result, the error and the callback stay the driver's; without listeners the call goes straight through. The
 * returned function takes the shadow off again.
 */
export function watchStatements(client: object, watch: StatementWatch): () => void {
  let watching = true
  const undo = shadow(
    client,
    'query',
    original =>
      function query(this: unknown, ...args) {
        const [sent] = args
        if (!watch.sends(isBeginningQuery(sent) ? 2 : 1)) return original.apply(this, args)
        if (!watching) {
          watch.passOver()
          return original.apply(this, args)
        }
        const send = watch.isApplications ? bindingAnswers(original, args) : original
        const noted = watch.noting(
          typeof sent === 'string' ? sent : (sent as { text?: unknown } | null)?.text,
        )
        if (watch.isHeard) {
          const passOn = (told: unknown[]) => send.apply(this, told)
          if (noted) return sendNoting(args, noted, noting => tellOfStatement(watch, noting, passOn))
          return tellOfStatement(watch, args, passOn)
        }
        watch.passOver()
        if (noted) return sendNoting(args, noted, noting => send.apply(this, noting))
        return send.apply(this, args)
      },
  )
  return () => {
    watching = false
    undo()
  }
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

/** Tells of the success of a statement, in whichever form it was given. */
function sendNoting(
  args: unknown[],
  succeeded: (result: DriverResult | DriverResult[] | undefined) => void,
  send: Send,
): unknown {
  const [config] = args
  if (isSubmittable(config)) {
    onSubmittableEnd(config, ({ error }) => error ?? succeeded(undefined))
    return send(args)
  }
  const callback = callbackOf(args)
  if (callback) {
    const own = callback.callback
    return callback.sendWith(function (this: unknown, ...given) {
      if (!given[0]) succeeded(given[1])
      return Reflect.apply(own, this, given)
    }, send)
  }
  const promise = send(args)
  if (!(promise instanceof Promise)) return promise
  return promise.then((result: DriverResult) => {
    succeeded(result)
    return result
  })
}

function tellOfStatement(watch: StatementWatch, args: unknown[], send: Send): unknown {
  const statement = statementIn(args)
  // Not recognizably a statement: the driver will say what is wrong with it.
  if (!statement) return send(args)
  const [config] = args
  if (isBeginningQuery(config)) {
    // A session pipelines BEGIN with its statement. Observers see two statements, and BEGIN is answered first.
    const begin = watch.tellOfBegin(config.beginText)
    // The server reports its status only once all is answered, so BEGIN's is given here.
    config.onBegun(error => begin.ended(error, ['BEGIN'], null, 'open'))
  }
  const told = watch.tell(statement)
  try {
    return sendTold(args, told, send)
  } catch (error) {
    // The driver throws for arguments that it cannot use; nothing was sent.
    told.refused(error)
    throw error
  }
}

function sendTold(args: unknown[], told: ToldStatement, send: Send): unknown {
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
