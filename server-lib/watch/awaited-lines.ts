import { createHook, executionAsyncId } from 'node:async_hooks'
import { captureSite, isThenableJob, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'

/**
 * The line of an `await` whose thenable sends the statement (Drizzle's queries are such thenables). V8 calls the
 * thenable's `then` in a job of its own, where no frame of the application is on the stack; but that job runs as the
 * promise that the `await` made, and that promise was made in the application's frame. An async hook on promises
 * remembers the line there.
 *
 * A hook on every promise of the process is not free (15 to 60 ns each, and what is captured in requests), so it is put
 * on only after a statement that needed it, only while somebody reads lines, and not at all with
 * ENGINELIGHT_DISABLE_AWAIT_LINES=1. The first such statement after that has no line; nor has one outside of requests.
 */
type Reach =
  | 'off'
  /** Promises that are waited for the moment they are made: `await thenable`, `Promise.all([thenable])`. */
  | 'fresh promises'
  /** Each await in a request. `return thenable` out of an async function that has awaited before needs it. */
  | 'every await'

/** Captures that are kept. Between an `await` and the job of its thenable there are few promises. */
const KEPT = 4_000
const FRAMES = 16
/** A capture costs 4 to 7 µs: a request that awaits without end must not pay it without end. */
const CAPTURES_PER_REQUEST = 500

/** How far statements have needed it until now. Stays when the hook is off for want of a reader. */
let reach: Reach = 'off'
let isOn = false
let lastMade = -1
const captures = new Map<number, SiteCapture>()
const spent = new WeakMap<RequestScope, number>()

const hook = createHook({
  init(id, type, trigger) {
    if (type !== 'PROMISE') return
    const isFresh = trigger === lastMade
    lastMade = id
    if (!isFresh && reach !== 'every await') return
    if (!sitesAreWanted()) return stopAwaitedLines()
    // Without a parent: made by the job that runs, not by waiting for a promise.
    if (trigger === executionAsyncId() || captures.has(trigger) || !mayCapture()) return
    captures.set(trigger, captureSite(FRAMES))
    if (captures.size > KEPT) captures.delete(captures.keys().next().value as number)
  },
})

function mayCapture(): boolean {
  const request = currentRequest()
  if (!request) return false
  const used = spent.get(request) ?? 0
  if (used >= CAPTURES_PER_REQUEST) return false
  spent.set(request, used + 1)
  return true
}

/**
 * The `await` that the running job was made for, or undefined. `without` is the stack that shows no line of the
 * application: when a thenable's job is what it shows, the lines of the next ones are looked for.
 */
export function awaitedLine(without: SiteCapture): SiteCapture | undefined {
  const capture = isOn ? captures.get(executionAsyncId()) : undefined
  if (capture) return capture
  if (isThenableJob(without)) lookFurther()
  return undefined
}

function lookFurther(): void {
  if (process.env.ENGINELIGHT_DISABLE_AWAIT_LINES === '1') return
  if (isOn && reach === 'fresh promises') {
    if (currentRequest()) reach = 'every await'
    return
  }
  if (isOn) return
  if (reach === 'off') reach = 'fresh promises'
  isOn = true
  hook.enable()
}

/** Takes the hook off. Nobody reads lines any more, or nothing is watched; the next statement that needs it puts it on. */
export function stopAwaitedLines(): void {
  if (!isOn) return
  isOn = false
  hook.disable()
  lastMade = -1
  captures.clear()
}
