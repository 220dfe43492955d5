import type { EndReason } from '../channels/words.ts'
import type { SiteCapture } from '../identity/site.ts'

/** Why a transaction is ended, and from which line of the application where it was asked for by one. */
export interface Ending {
  readonly why: EndReason
  readonly capture?: SiteCapture | null
}
