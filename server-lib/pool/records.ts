import { Whisper } from '../watch/whispers.ts'
import type { Discard } from '../channels/words.ts'
import { nextId } from '../identity/ids.ts'
import type { Site, SiteCapture } from '../identity/site.ts'
import type { DriverConnection } from '../postgres/driver.ts'
import { Linked } from '../clock/ring.ts'
import type { KeptFor } from './kept-for.ts'
import type { CallerContext } from '../watch/caller-context.ts'

/** One hold of a connection, from the asking to the release. In the ring of those who wait until it is granted. */
export class CheckoutRecord extends Linked {
  readonly id: string
  readonly request: string | null
  readonly requestLabel: string | null
  readonly session: string | null
  readonly capture: SiteCapture | null
  readonly askedAt = performance.now()
  /** Taken for an observer, who looks at the server: told to nobody. */
  readonly isObserver: boolean
  acquiredAt = 0
  state: 'waiting' | 'held' | 'failed' | 'released' = 'waiting'
  /** The error to tell of, where we know better than the pool why it failed (our own deadline). */
  failure: unknown = undefined
  /** The async context of the asking, where the pool would answer in another one. */
  context: CallerContext | null = null
  /** Taken by `pool.query`, which sends its one statement from a callback of the pool. */
  isSingleStatement = false
  /** What it is held for by design, and how that is said: `listens on jobs`. Null for most. */
  kept: KeptFor | null = null
  keptFor: string | null = null
  /** From when on a long hold counts: the granting, or the end of what it was kept for. */
  countsFrom = 0
  /** Asked for by the application itself, and not by way of an engine. */
  isPlain = false
  /** When it was told that the connection is held for long, or null while it is not. */
  overdueAt: number | null = null

  constructor(
    request: { readonly id: string; readonly label: string } | undefined,
    session: string | null,
    capture: SiteCapture | null,
    isObserver: boolean,
  ) {
    super()
    this.id = nextId('k')
    this.request = request?.id ?? null
    this.requestLabel = request?.label ?? null
    this.session = session
    this.capture = capture
    this.isObserver = isObserver
  }

  /** Whether the application has the connection in hand, and not a session, an observer or the pool itself. */
  get isApplications(): boolean {
    return this.session === null && !this.isObserver && !this.isSingleStatement
  }
}

/** Who gave a connection back with a transaction open. */
export interface Leaver {
  readonly checkout: string
  readonly requestLabel: string | null
  readonly site: Site | null
}

/** A transaction that the server has open on a connection. */
export interface TransactionRecord {
  readonly id: string
  readonly startedAt: number
  statements: number
  failed: boolean
}

/** One physical connection, as long as it exists. */
export interface ConnectionRecord {
  readonly id: string
  readonly slot: number
  readonly driver: DriverConnection
  /** Of a host: its transactions are told of by whoever watches the host's own pool. */
  readonly isBorrowed: boolean
  readonly backendPid: number | null
  readonly since: number
  uses: number
  checkout: CheckoutRecord | null
  transaction: TransactionRecord | null
  /** The holder before this one, if it left a transaction open or a statement running: whom to name when it comes dirty. */
  leaver: Leaver | null
  /** When a statement last began or ended, where that was noticed. */
  changedAt: number
  /** How many statements were sent, and how many of them the last heartbeat knew: more means that it was used since. */
  statements: number
  statementsSeen: number
  /** When a heartbeat last saw it at work, or found that it had been since the one before. */
  seenBusyAt: number
  /** What a session tells of the statement that it is about to send; read and cleared by the watching. */
  readonly upcoming: Whisper<{ queuedMs: number; capture: SiteCapture | null }>
  discarded: Discard | null
}

/** The record of a connection that was not seen before. */
export function connectionRecord(driver: DriverConnection, slot: number): ConnectionRecord {
  const at = performance.now()
  return {
    id: nextId('c'),
    slot,
    driver,
    isBorrowed: driver.isBorrowed === true,
    backendPid: driver.processID ?? null,
    since: at,
    uses: 0,
    checkout: null,
    transaction: null,
    leaver: null,
    changedAt: at,
    upcoming: new Whisper(),
    statements: 0,
    statementsSeen: 0,
    seenBusyAt: 0,
    discarded: null,
  }
}
