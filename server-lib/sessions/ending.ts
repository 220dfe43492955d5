import type { EndReason } from '../channels/words.ts'
import type { SiteCapture } from '../identity/site.ts'

/** Why a transaction is ended, and by which line of the application, if by one. */
export interface Ending {
  readonly why: EndReason
  readonly capture?: SiteCapture | null
}
