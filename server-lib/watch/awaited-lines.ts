import { createHook, executionAsyncId } from 'node:async_hooks'
import { captureSite, isThenableJob, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'

/**
 * The line of an `await` whose thenable sends the statement (Drizzle's queries are such thenables). V8 calls the
 * thenable's `then` in a job of its own, where no frame of the application is on the stack. But that job runs as the
 * promise that the `await` made, and that promise was made in the application's frame. An async hook on promises
 * remembers the line there.
 *
 * A hook on every promise of the process costs 15 to 60 ns each, plus the captures in requests. So it is enabled only
 * after a statement that needed it, only while lines are read, and not at all with ENGINELIGHT_DISABLE_AWAIT_LINES=1.
 * The first such statement after that has no line; nor does a statement outside of requests.
 */
type Reach =
  | 'off'
  /** Promises that are awaited as soon as they are made: `await thenable`, `Promise.all([thenable])`. */
  | 'fresh promises'
  /** Each await in a request. `return thenable` needs it in an async function that has awaited before. */
  | 'every await'

/** How many captures are kept. There are few promises between an `await` and the job of its thenable. */
const KEPT = 4_000
const FRAMES = 16
/** A capture costs 4 to 7 µs: this bounds the cost for a request that awaits without end. */
const CAPTURES_PER_REQUEST = 500

/** The reach that statements have needed so far. Kept while the hook is off because lines are not read. */
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
    // Has no parent: the running job made it, and not an await of a promise.
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
 * The `await` that the running job was made for, or undefined. `without` is a stack without a line of the application:
 * if it shows a thenable's job, the hook is enabled for the next ones.
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

/**
 * Takes the hook off: lines are not read any more, or nothing is watched. The next statement that needs it puts it on.
 */
export function stopAwaitedLines(): void {
  if (!isOn) return
  isOn = false
  hook.disable()
  lastMade = -1
  captures.clear()
}
