import { captureSite, hasOwnLine, NO_LINE, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { awaitedLine } from './awaited-lines.ts'
import { siteFromCaller } from './caller-site.ts'
import { builderRuns } from './whispers.ts'

/** Enough to climb out of knex and pg. */
const FRAMES_UNREAD = 16

/**
 * The application's line behind the current call: the line of the knex builder that runs, of the stack, or of the
 * `await` that V8 has taken off the stack. May turn out to hold no line of the application at all.
 */
export function lineHere(): SiteCapture {
  const fromCaller = siteFromCaller()
  if (fromCaller) return fromCaller
  // Where lines are not read, a stack is read only when an error has to name a holder, and each frame costs.
  if (!sitesAreWanted()) return builderRuns.take() ? NO_LINE : captureSite(FRAMES_UNREAD)
  const own = captureSite()
  return hasOwnLine(own) ? own : (awaitedLine(own) ?? own)
}
