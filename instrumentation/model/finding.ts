import type { Time } from './rows.ts'

/** What can be found. Where only one thing can be said of a request, it is the first of these. */
export const FINDING_KINDS = [
  'connect failed',
  'pool full',
  'check-out failed',
  'lied commit',
  'leak',
  'outlived',
  'client aborted',
  'commit forgotten',
  'connection lost',
  'transaction failed',
  'statement failed',
  'overdue',
  'idle in transaction',
  'in doubt',
  'n+1',
  'repeated sequence',
  'duplicate statements',
  'similar statements',
  'statement budget',
  'stalled',
  'library warning',
] as const

export type FindingKind = (typeof FINDING_KINDS)[number]

/** `bad`: something is lost or blocked. `warn`: it will be, or costs time. `note`: it explains something. */
export type Severity = 'bad' | 'warn' | 'note'

/** The ids of what a finding is about, as far as they are known. */
export interface Subjects {
  readonly engine?: string | undefined
  readonly pool?: string | undefined
  readonly connection?: string | undefined
  readonly checkout?: string | undefined
  readonly request?: string | undefined
  readonly session?: string | undefined
  readonly transaction?: string | undefined
  readonly statement?: string | undefined
  readonly gid?: string | undefined
}

/** Something that is wrong, as data. It holds no parameter value. */
export interface Finding {
  /** The same one has the same key a second later. */
  readonly key: string
  readonly kind: FindingKind
  readonly severity: Severity
  /** One sentence with its numbers. */
  readonly sentence: string
  /** What causes it, or what follows from it. */
  readonly why: string | null
  readonly about: Subjects
  /** The application's line that it comes from. */
  readonly site: string | null
  /** When it began; the first time, if it has begun again. */
  readonly since: Time
  /** When it was last so. Of one that is not over: when its words last changed. */
  readonly lastSeen: Time
  /** How often it began. */
  readonly count: number
  /** It is no longer so, or its request has ended: it can only be read about. */
  readonly isOver: boolean
}
