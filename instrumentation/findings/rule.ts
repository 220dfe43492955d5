import type { Finding, FindingKind, Place, Severity, Subjects } from '../model/finding.ts'
import type { ServerTruth } from '../model/protocol.ts'
import type { Time } from '../model/rows.ts'
import { LINE_NOT_TAKEN } from '../../server-lib/channels/words.ts'
import type { Checkout, PanelState, Request } from '../model/state.ts'
import type { Thresholds } from './thresholds.ts'

/** Judges the state of a process. `truth` is what its servers answered, or null if they were not asked. */
export type Rule = (
  state: PanelState,
  thresholds: Thresholds,
  now: Time,
  truth: ServerTruth | null,
) => Iterable<Judged>

/** Judges one request, over or not. */
export type RequestRule = (
  request: Request,
  thresholds: Thresholds,
  now: Time,
  around: Around,
) => Iterable<Judged>

/** What a request is judged by besides its own rows. */
export type Around = Pick<PanelState, 'stalls' | 'engines' | 'pools' | 'requests' | 'checkouts'>

interface Found {
  readonly severity: Severity
  readonly since: Time
  /** Default: `since`. */
  readonly lastSeen?: Time
  readonly isOver?: boolean
  readonly about: Subjects
  readonly sentence: string
  readonly why?: string | null
  readonly site?: string | null
  readonly place?: Place
  readonly afterwards?: Afterwards
}

/** What is said of a finding once it is over, if its sentence would not be true then. */
export interface Afterwards {
  readonly sentence: string
  readonly why?: string
}

/** A finding as a rule makes it. */
export interface Judged extends Finding {
  readonly afterwards: Afterwards | null
}

const LONGEST_KEY = 500

/** `id`: of the subject of which there is one finding of this kind. */
export const finding = (kind: FindingKind, id: string, found: Found): Judged => ({
  why: null,
  site: null,
  lastSeen: found.since,
  isOver: false,
  afterwards: null,
  ...found,
  key: `${kind} ${id}`.slice(0, LONGEST_KEY),
  kind,
  count: 1,
})

/** A request as a sentence names it. */
export const nameOf = (request: Request | undefined, id: string): string =>
  request?.kind === 'no context' ? 'Work outside of any request' : (request?.label ?? id)

/** `, taken at orders.ts:41`; where the line was not captured, it says so. */
export function takenAt(checkout: Pick<Checkout, 'site' | 'isLineTaken'> | undefined): string {
  if (!checkout) return ''
  if (checkout.site !== null) return `, taken at ${checkout.site}`
  return checkout.isLineTaken ? '' : ` (${LINE_NOT_TAKEN})`
}
