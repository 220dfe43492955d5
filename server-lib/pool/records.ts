import { Whisper } from '../watch/whispers.ts'
import type { Discard } from '../channels/words.ts'
import { nextId } from '../identity/ids.ts'
import { NO_LINE, type Site, type SiteCapture } from '../identity/site.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import { Linked } from '../clock/ring.ts'
import type { KeptFor } from './kept-for.ts'
import type { CallerContext } from '../watch/caller-context.ts'

/** One hold of a connection, from request to release. Member of the waiters' ring until it is granted. */
export class CheckoutRecord extends Linked {
  readonly id: string
  readonly request: string | null
  readonly requestLabel: string | null
  readonly session: string | null
  readonly capture: SiteCapture | null
  readonly askedAt = performance.now()
  /** Checked out for an observer's own query: not reported to observers. */
  readonly isObserver: boolean
  acquiredAt = 0
  state: 'waiting' | 'held' | 'failed' | 'released' = 'waiting'
  /** The error to report when we know better than the pool why it failed (our own timeout). */
  failure: unknown = undefined
  /** The caller's async context, where the pool would answer in another one. */
  context: CallerContext | null = null
  /** Taken by `pool.query`, which sends its one statement from a callback of the pool. */
  isSingleStatement = false
  /** What the connection is held for by design, and the words for it: `listens on jobs`. Null for most. */
  kept: KeptFor | null = null
  keptFor: string | null = null
  /** When a long hold starts counting: at the grant, or when nothing keeps the connection any more. */
  countsFrom = 0
  /** Checked out by the application itself and not through an engine. */
  isPlain = false
  /** When the hold was reported as long, or null if it was not. */
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

  /** Whether its line was captured, whatever the stack held. */
  get isLineTaken(): boolean {
    return this.capture !== null && this.capture !== NO_LINE
  }

  /** Whether the application holds the connection, and not a session, an observer or the pool itself. */
  get isApplications(): boolean {
    return this.session === null && !this.isObserver && !this.isSingleStatement
  }
}

/** The holder that released a connection with its transaction open. */
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
  /** A borrowed connection: whatever watches the host's own pool reports its transactions. */
  readonly isBorrowed: boolean
  readonly backendPid: number | null
  readonly since: number
  uses: number
  checkout: CheckoutRecord | null
  transaction: TransactionRecord | null
  /**
   * The previous holder, if it left a transaction open or a statement running: named when the connection turns out
   * dirty.
   */
  leaver: Leaver | null
  /** When a statement last began or ended, where that was noticed. */
  changedAt: number
  /**
   * How many statements were sent, and how many of them the last heartbeat knew: a difference means it was used since.
   */
  statements: number
  statementsSeen: number
  /** When a heartbeat last saw it busy, or found that it had been busy since the previous heartbeat. */
  seenBusyAt: number
  /** What a session says about the statement it is about to send; read and cleared by the watching. */
  readonly upcoming: Whisper<{ queuedMs: number; capture: SiteCapture | null }>
  discarded: Discard | null
}

/** The record of a connection that is new to the pool. */
export function connectionRecord(driver: DriverConnection, slot: number): ConnectionRecord {
  const at = performance.now()
  return {
    id: nextId('c'),
    slot,
    driver,
    isBorrowed: driver.borrowed !== undefined,
    backendPid: driver.serverId,
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
