import { isOpen } from '../dialect/transaction-status.ts'
import { STATUS_BYTES } from '../channels/words.ts'
import { channels } from '../channels/channels.ts'
import { errorFacts, warn, type CheckoutHolder } from '../channels/errors.ts'
import type { ConnectionReport, WaiterReport } from '../channels/engine-reports.ts'
import type { Discard } from '../channels/words.ts'
import { nextId } from '../identity/ids.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { DriverConnection } from '../postgres/driver.ts'
import { statusOf } from '../postgres/transaction-status.ts'
import { Ring } from '../clock/ring.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'
import { lineHere } from '../watch/line-here.ts'
import { holderText } from './holder-text.ts'
import { CheckoutRecord, type ConnectionRecord } from './records.ts'
import { endTransaction } from './transactions.ts'

/** Who asks for a connection on our side: a session, or the engine itself when it warms up. */
export interface Asker {
  readonly session: string | null
  readonly request: RequestScope | undefined
  readonly capture: SiteCapture | null
  /** It asks on behalf of an observer: no observer is told, or they would watch themselves. Default false. */
  readonly isObserver?: boolean
  /** Filled in as the pool tells of the request. */
  checkout?: CheckoutRecord
}

/**
 * The books of one pool: its connections with slot and id, who holds each, who waits. A pool's events are entered
 * here whoever caused them, a session or the application by itself, so both are told alike.
 */
export class Ledger {
  readonly engine: string
  /** `writer#1`. */
  readonly pool: string
  readonly #connections = new Map<DriverConnection, ConnectionRecord>()
  readonly #waiting = new Ring<CheckoutRecord>()
  #waiters = 0
  readonly #slots: boolean[] = []
  #asker: Asker | undefined
  #openFailure: unknown
  #grantedAt = 0
  /** Told when it shows that the driver tells of no transactions. */
  whenUnknown: () => void = () => {}
  #transactions: 'told' | 'unknown' = 'told'

  constructor(engine: string, pool: string) {
    this.engine = engine
    this.pool = pool
  }

  /** Whether the driver tells which transactions are open. Never a guess: where it does not, they are unknown. */
  get transactions(): 'told' | 'unknown' {
    return this.#transactions
  }

  transactionsAreUnknown(): void {
    if (this.#transactions === 'unknown') return
    this.#transactions = 'unknown'
    warn(
      'EL_TRANSACTIONS_UNKNOWN',
      `The driver of engine "${this.engine}" does not tell whether a transaction is open: none is shown, none that stands idle is ` +
        "warned of, and a session sends ROLLBACK before it begins. pg's own client tells it, and pg-native 3.9 with pg 8.21.",
    )
    this.whenUnknown()
  }

  /**
   * Runs `acquire` of a pool on behalf of a session. Pools tell of a request synchronously, inside of `acquire`;
   * that is how `asked` knows whose it is.
   */
  askingFor<T>(asker: Asker, acquire: () => T): T {
    this.#asker = asker
    delete asker.checkout
    try {
      return acquire()
    } finally {
      this.#asker = undefined
    }
  }

  /** Somebody asks for a connection. */
  asked(capture: SiteCapture | null = null): CheckoutRecord {
    const asker = this.#asker
    this.#asker = undefined
    const checkout = new CheckoutRecord(
      asker ? asker.request : currentRequest(),
      asker?.session ?? null,
      asker ? asker.capture : (capture ?? lineHere()),
      asker?.isObserver === true,
    )
    if (asker) asker.checkout = checkout
    else checkout.isPlain = true
    this.#waiting.join(checkout)
    this.#waiters++
    if (channels.checkout.hasSubscribers && !checkout.isObserver) {
      channels.checkout.publish({
        phase: 'start',
        at: checkout.askedAt,
        id: checkout.id,
        engine: this.engine,
        pool: this.pool,
        request: checkout.request,
        session: checkout.session,
        site: sitesAreWanted() ? siteOf(checkout.capture) : null,
      })
    }
    return checkout
  }

  acquired(checkout: CheckoutRecord, driver: DriverConnection): void {
    this.#waitsNoMore(checkout)
    // A pool that cannot take back a request grants it late; whoever asked has gone, and gives it back at once.
    if (checkout.state !== 'waiting') return
    const record = this.#connections.get(driver) ?? this.opened(driver)
    checkout.state = 'held'
    checkout.acquiredAt = performance.now()
    this.#grantedAt = checkout.acquiredAt
    checkout.countsFrom = checkout.acquiredAt
    record.checkout = checkout
    record.changedAt = checkout.acquiredAt
    if (checkout.isObserver) return
    record.uses++
    if (channels.checkout.hasSubscribers) {
      channels.checkout.publish({
        phase: 'acquired',
        at: checkout.acquiredAt,
        id: checkout.id,
        engine: this.engine,
        pool: this.pool,
        waitMs: checkout.acquiredAt - checkout.askedAt,
        connection: record.id,
        slot: record.slot,
        backendPid: record.backendPid,
      })
    }
  }

  failed(checkout: CheckoutRecord, error: unknown): void {
    this.#waitsNoMore(checkout)
    if (checkout.state !== 'waiting') return
    checkout.state = 'failed'
    if (channels.checkout.hasSubscribers && !checkout.isObserver) {
      const at = performance.now()
      channels.checkout.publish({
        phase: 'failed',
        at,
        id: checkout.id,
        engine: this.engine,
        pool: this.pool,
        waitMs: at - checkout.askedAt,
        error: errorFacts(checkout.failure ?? error),
        holders: this.holders(),
      })
    }
  }

  /** The holder gave the connection back. A second release of the same hold is none: pools tell of it all the same. */
  released(driver: DriverConnection): void {
    const record = this.#connections.get(driver)
    const checkout = record?.checkout
    if (!record || !checkout) return
    if (checkout.overdueAt !== null) this.#returnedAfterAll(record)
    checkout.state = 'released'
    record.checkout = null
    // It has used nothing, and whoever left the connection dirty before is still the one to name.
    if (checkout.isObserver) return
    // A capture holds on to the functions on the stack, and so to the request, until it is read: only where somebody will
    // want to know is its line kept, and never the capture.
    const isLeftOpen = isOpen(statusOf(driver)) || driver.readyForQuery === false
    // A borrowed one is its host's, who has a transaction open by right.
    record.leaver =
      isLeftOpen && !record.isBorrowed
        ? { checkout: checkout.id, requestLabel: checkout.requestLabel, site: siteOf(checkout.capture) }
        : null
    record.changedAt = performance.now()
    if (channels.checkout.hasSubscribers) {
      channels.checkout.publish({
        phase: 'released',
        at: record.changedAt,
        id: checkout.id,
        engine: this.engine,
        pool: this.pool,
        connection: record.id,
        heldMs: record.changedAt - checkout.acquiredAt,
        discarded: record.discarded,
        wasOverdue: checkout.overdueAt !== null,
      })
    }
  }

  #returnedAfterAll(record: ConnectionRecord): void {
    const holder = this.holderOf(record)
    if (!holder) return
    const how = record.discarded ? `closed (${record.discarded})` : 'returned after all'
    warn(
      'EL_RETURNED',
      `A connection of engine "${this.engine}" that was held for long is ${how}: ${holderText(holder)}.`,
    )
  }

  /** A physical connection that we have not seen before. It takes the lowest free slot and keeps it for life. */
  opened(driver: DriverConnection): ConnectionRecord {
    const known = this.#connections.get(driver)
    if (known) return known
    this.#openFailure = undefined
    const free = this.#slots.indexOf(false)
    const slot = free === -1 ? this.#slots.length : free
    this.#slots[slot] = true
    const at = performance.now()
    const record: ConnectionRecord = {
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
      upcoming: null,
      statements: 0,
      statementsSeen: 0,
      seenBusyAt: 0,
      discarded: null,
    }
    this.#connections.set(driver, record)
    if (channels.pool.hasSubscribers) {
      const { engine, pool } = this
      channels.pool.publish({
        phase: 'connected',
        at,
        engine,
        pool,
        connection: record.id,
        slot,
        backendPid: record.backendPid,
      })
    }
    return record
  }

  /** The physical connection is gone, for whatever reason. */
  closed(driver: DriverConnection, reason: Discard): void {
    const record = this.#connections.get(driver)
    if (!record) return
    if (record.transaction) endTransaction(record, 'lost', null)
    if (record.checkout) {
      record.discarded ??= reason
      this.released(driver)
    }
    this.#connections.delete(driver)
    this.#slots[record.slot] = false
    if (channels.pool.hasSubscribers) {
      channels.pool.publish({
        phase: 'disconnected',
        at: performance.now(),
        engine: this.engine,
        pool: this.pool,
        connection: record.id,
        slot: record.slot,
        reason: record.discarded ?? reason,
        uses: record.uses,
      })
    }
  }

  /** Why the last connection could not be opened; undefined once one could. */
  get openFailure(): unknown {
    return this.#openFailure
  }

  /** When somebody got a connection last. */
  get grantedAt(): number {
    return this.#grantedAt
  }

  notOpened(error: unknown): void {
    this.#openFailure = error
  }

  connectFailed(error: unknown): void {
    this.notOpened(error)
    if (!channels.pool.hasSubscribers) return
    const { engine, pool } = this
    channels.pool.publish({
      phase: 'connect failed',
      at: performance.now(),
      engine,
      pool,
      error: errorFacts(error),
    })
  }

  recordOf(driver: DriverConnection): ConnectionRecord | undefined {
    return this.#connections.get(driver)
  }

  get connections(): ConnectionRecord[] {
    return [...this.#connections.values()]
  }

  /** How many connections there are. */
  get size(): number {
    return this.#connections.size
  }

  /** One after the other, without a list of them. What is opened or closed meanwhile is met or not met. */
  records(): MapIterator<ConnectionRecord> {
    return this.#connections.values()
  }

  get waiting(): number {
    return this.#waiters
  }

  #waitsNoMore(checkout: CheckoutRecord): void {
    if (!checkout.isMember) return
    checkout.leave()
    this.#waiters--
  }

  /** Whether anybody holds a connection or waits for one. */
  get isInUse(): boolean {
    return this.#waiters > 0 || this.used > 0
  }

  /** How many connections are held now. */
  get used(): number {
    let used = 0
    for (const { checkout } of this.#connections.values()) if (checkout) used++
    return used
  }

  /** Everybody who holds a connection now, the longest first. */
  holders(): CheckoutHolder[] {
    return this.connections
      .flatMap(record => this.holderOf(record) ?? [])
      .toSorted((a, b) => b.heldMs - a.heldMs)
  }

  /** Who holds this connection now, if anybody does. */
  holderOf(record: ConnectionRecord): CheckoutHolder | undefined {
    const { checkout, driver } = record
    if (!checkout) return undefined
    const now = performance.now()
    return {
      engine: this.engine,
      pool: this.pool,
      slot: record.slot,
      connection: record.id,
      backendPid: record.backendPid,
      checkout: checkout.id,
      request: checkout.request,
      requestLabel: checkout.requestLabel,
      session: checkout.session,
      heldMs: now - checkout.acquiredAt,
      site: siteOf(checkout.capture)?.label ?? null,
      state: holderState(driver),
      stateMs: now - record.changedAt,
      keptFor: checkout.keptFor,
    }
  }

  connectionReports(): ConnectionReport[] {
    return this.connections.map(record => ({
      connection: record.id,
      slot: record.slot,
      backendPid: record.backendPid,
      since: record.since,
      uses: record.uses,
      holder: record.checkout && {
        checkout: record.checkout.id,
        request: record.checkout.request,
        session: record.checkout.session,
        since: record.checkout.acquiredAt,
        site: siteOf(record.checkout.capture),
        keptFor: record.checkout.keptFor,
      },
      transaction: record.transaction?.id ?? null,
      status: STATUS_BYTES[statusOf(record.driver)],
    }))
  }

  waiterReports(): WaiterReport[] {
    return this.#waiting.members().map(checkout => ({
      checkout: checkout.id,
      request: checkout.request,
      session: checkout.session,
      since: checkout.askedAt,
      site: siteOf(checkout.capture),
    }))
  }
}

function holderState(driver: DriverConnection): CheckoutHolder['state'] {
  if (driver.readyForQuery === false) return 'executing'
  const status = statusOf(driver)
  switch (status) {
    case 'open':
      return 'idle in transaction'
    case 'failed':
      return 'failed transaction'
    case 'none':
      return 'idle'
    case 'unknown':
      return 'transaction unknown'
    default:
      return status satisfies never
  }
}
