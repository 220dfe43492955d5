import { AsyncLocalStorage } from 'node:async_hooks'
import type { SiteCapture } from '../identity/site.ts'

/**
 * Carries the line that built a knex query to the connection that runs it. `await knex('t')` runs the query in a
 * microtask, where no frame of the application is on the stack; the line is known only where `knex('t')` was called.
 */
const storage = new AsyncLocalStorage<SiteCapture | undefined>()

export const siteFromCaller = (): SiteCapture | undefined => storage.getStore()

export function withCallerSite<T>(site: SiteCapture | undefined, fn: () => T): T {
  return storage.run(site, fn)
}

/**
 * Ends it for the rest of this turn and what follows from it. For places where what follows cannot be wrapped in a
 * function.
 */
export const leaveCallerSite = (): void => storage.enterWith(undefined)
