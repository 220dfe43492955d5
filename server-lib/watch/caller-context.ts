import { AsyncResource } from 'node:async_hooks'
import { siteFromCaller, withCallerSite } from './caller-site.ts'
import type { Method } from './shadow.ts'

/** An async context that something can be run in later. */
export type CallerContext = Pick<AsyncResource, 'runInAsyncScope'>

const BY_HAND = { requireManualDestroy: true }
/** On Node 20 a bare resource costs a tenth of `AsyncLocalStorage.snapshot()`. */
const here = () => new AsyncResource('enginelight', BY_HAND)

/**
 * The current async context, without the line of a knex builder: that line ends with the builder's statement, and later
 * statements in this context have lines of their own.
 */
export function contextHere(): CallerContext {
  return siteFromCaller() === undefined ? here() : withCallerSite(undefined, here)
}

/** The same function, run in `context` whoever calls it. */
export function boundTo(context: CallerContext, fn: Method): Method {
  return function (this: unknown, ...args: unknown[]) {
    return context.runInAsyncScope(fn, this, ...args)
  }
}

/** A method whose callbacks run in the context of its caller. For methods that take a callback now and then. */
export const bindingCallbacks =
  (isWatching: () => boolean) =>
  (original: Method): Method =>
    function (...args) {
      if (!isWatching() || !args.some(arg => typeof arg === 'function')) return original.apply(this, args)
      const context = contextHere()
      const bound = args.map(arg => (typeof arg === 'function' ? boundTo(context, arg as Method) : arg))
      return original.apply(this, bound)
    }
