import { channels } from '../channels.ts'
import { captureSite, siteOf, type SiteCapture } from '../identity/site.ts'
import { awaitedLine } from './awaited-lines.ts'
import { siteFromCaller } from './caller-site.ts'

/**
 * The application's line that does what is happening now: of the knex builder that runs, of the stack, or of the
 * `await` that V8 has taken off the stack. Can turn out to hold no line of the application at all.
 */
export function lineHere(): SiteCapture {
  const fromCaller = siteFromCaller()
  if (fromCaller) return fromCaller
  const own = captureSite()
  // Unheard, the text of a stack is made only when an error has to name a holder.
  if (!channels.statement.hasSubscribers && !channels.checkout.hasSubscribers) return own
  return siteOf(own) ? own : (awaitedLine(own) ?? own)
}
