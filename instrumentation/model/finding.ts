import type { Time } from './rows.ts'

/** What says more about a request than where its time went. Where only one can be said, it is the first of these. */
export const TROUBLES = [
  'check-out failed',
  'nested check-out',
  'lied commit',
  'commit refused',
  'leak',
  'outlived',
  'client aborted',
  'commit forgotten',
  'connection lost',
  'shared connection',
  'write refused',
  'transaction failed',
  'statement failed',
  'nothing committed',
  'blocked',
  'stray statement',
  'read after write',
  'pool filled',
] as const

/** What can be found, the worst first. */
export const FINDING_KINDS = [
  'connect failed',
  'pool full',
  ...TROUBLES,
  'overdue',
  'idle in transaction',
  'in doubt',
  'not ended',
  'queued',
  'n+1',
  'repeated sequence',
  'duplicate statements',
  'similar statements',
  'statement budget',
  'stalled',
  'reconnecting',
  'context lost',
  'library warning',
  'own rule',
] as const

export type FindingKind = (typeof FINDING_KINDS)[number]

/** `bad`: something is lost or blocked. `warn`: it will be, or costs time. `note`: it explains something. */
export const SEVERITIES = ['bad', 'warn', 'note'] as const
export type Severity = (typeof SEVERITIES)[number]

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

/** What stays of a place in the code when its lines move. */
export interface Place {
  /** A statement's text, without literals. */
  readonly statement: string | null
  /** The function in which it is sent. */
  readonly within: string | null
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
  readonly place?: Place | undefined
  /** When it began; the first time, if it has begun again. */
  readonly since: Time
  /** When it was last so. Of one that is not over: when its words last changed. */
  readonly lastSeen: Time
  /** How often it began. */
  readonly count: number
  /** It is no longer so, or its request has ended: it can only be read about. */
  readonly isOver: boolean
}
