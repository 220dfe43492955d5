import { warn, type CheckoutHolder } from '../channels/errors.ts'
import type { ConnectionReport, WaiterReport } from '../channels/engine-reports.ts'
import { Ring } from '../clock/ring.ts'
import type { Discard } from '../channels/words.ts'
import { isOpen } from '../dialect/transaction-status.ts'
import { NO_LINE, siteOf, type SiteCapture } from '../identity/site.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Dialect } from '../dialect/dialect.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'
import { lineHere } from '../watch/line-here.ts'
import { Whisper } from '../watch/whispers.ts'
import { LineChoice } from './holder-lines.ts'
import { holderText } from './holder-text.ts'
import { CheckoutRecord, connectionRecord, type ConnectionRecord } from './records.ts'
import { connectionReport, holderOf, waiterReport, type PoolNames } from './reports.ts'
import {
  tellAcquired,
  tellAsked,
  tellConnected,
  tellConnectFailed,
  tellDisconnected,
  tellFailed,
  tellReleased,
} from './telling.ts'
import { endTransaction } from './transactions.ts'

/** What asks for a connection on our side: a session, or the engine itself when it warms up. */
export interface Asker {
  readonly session: string | null
  readonly request: RequestScope | undefined
  readonly capture: SiteCapture | null
  /** It asks for an observer: it is not reported, or observers would watch themselves. Default false. */
  readonly isObserver?: boolean
  /** Set when the pool reports the request. */
  checkout?: CheckoutRecord
}

/**
 * The books of one pool: its connections with slot and id, their holders, its waiters. The pool's events are entered
 * here whatever caused them, so that sessions and the application's own use are reported alike.
 */
export class Books implements PoolNames {
  readonly engine: string
  /** `writer#1`. */
  readonly pool: string
  readonly dialect: Dialect
  /** Of which check-outs the line is captured. */
  readonly lines = new LineChoice()
  /** How many connections the pool may have. Set by the pool. */
  limit: () => number = () => 1
  readonly #connections = new Map<DriverConnection, ConnectionRecord>()
  readonly #waiting = new Ring<CheckoutRecord>()
  #waiters = 0
  readonly #slots: boolean[] = []
  readonly #asker = new Whisper<Asker>()
  #openFailure: unknown
  #grantedAt = 0
  /** Called when it turns out that the driver does not report its transaction status. */
  whenUnknown: () => void = () => {}
  #transactions: 'told' | 'unknown' = 'told'

  constructor(engine: string, pool: string, dialect: Dialect) {
    this.engine = engine
    this.dialect = dialect
    this.pool = pool
  }

  /** Whether the driver tells which transactions are open. Never a guess: if it does not, they are unknown. */
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
   * Runs the pool's `acquire` on behalf of a session. Pools report a request synchronously inside `acquire`, and so
   * `asked` knows whose it is.
   */
  askingFor<T>(asker: Asker, acquire: () => T): T {
    delete asker.checkout
    return this.#asker.during(asker, acquire)
  }

  /** A connection was requested. */
  asked(capture: SiteCapture | null = null): CheckoutRecord {
    const asker = this.#asker.take()
    const checkout = new CheckoutRecord(
      asker ? asker.request : currentRequest(),
      asker?.session ?? null,
      this.#lineOf(asker, capture),
      asker?.isObserver === true,
    )
    if (asker) asker.checkout = checkout
    else checkout.isPlain = true
    this.#waiting.join(checkout)
    this.#waiters++
    tellAsked(this, checkout)
    return checkout
  }

  /** Whether the line of a check-out that is asked for now is worth capturing. */
  get takesLine(): boolean {
    return this.lines.takesNext(this, this.limit())
  }

  #lineOf(asker: Asker | undefined, given: SiteCapture | null): SiteCapture | null {
    // A session's statement may have a line because an observer reads those of statements.
    if (this.lines.choice === 'never') return NO_LINE
    if (asker) return asker.capture
    return given ?? (this.takesLine ? lineHere() : NO_LINE)
  }

  acquired(checkout: CheckoutRecord, driver: DriverConnection): void {
    this.#waitsNoMore(checkout)
    // A pool that cannot withdraw a request grants it late. The caller has given up, and releases it at once.
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
    tellAcquired(this, checkout, record)
  }

  failed(checkout: CheckoutRecord, error: unknown): void {
    this.#waitsNoMore(checkout)
    if (checkout.state !== 'waiting') return
    checkout.state = 'failed'
    this.lines.somethingWentWrong()
    tellFailed(this, checkout, error, this)
  }

  /** The holder released the connection. A second release of the same hold is ignored, though pools report it. */
  released(driver: DriverConnection): void {
    const record = this.#connections.get(driver)
    const checkout = record?.checkout
    if (!record || !checkout) return
    if (checkout.overdueAt !== null) this.#returnedAfterAll(record)
    checkout.state = 'released'
    record.checkout = null
    // An observer leaves nothing behind, so a previous holder that left the connection dirty is still the one to name.
    if (checkout.isObserver) return
    // A capture keeps the functions on the stack alive, and so the request, until it is read. So only its line is kept,
    // and only where it will be needed.
    const isLeftOpen = isOpen(driver.status) || !driver.isReady
    // A borrowed connection has its host's transaction open by right.
    const isLeft = isLeftOpen && !record.isBorrowed
    if (isLeft) this.lines.somethingWentWrong()
    record.leaver = isLeft
      ? { checkout: checkout.id, requestLabel: checkout.requestLabel, site: siteOf(checkout.capture) }
      : null
    record.changedAt = performance.now()
    tellReleased(this, checkout, record)
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

  /** Enters a physical connection. It takes the lowest free slot and keeps it for life. */
  opened(driver: DriverConnection): ConnectionRecord {
    const known = this.#connections.get(driver)
    if (known) return known
    this.#openFailure = undefined
    const free = this.#slots.indexOf(false)
    const slot = free === -1 ? this.#slots.length : free
    this.#slots[slot] = true
    const record = connectionRecord(driver, slot)
    this.#connections.set(driver, record)
    tellConnected(this, record)
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
    tellDisconnected(this, record, record.discarded ?? reason)
  }

  /** Why the last connection could not be opened; undefined once one could. */
  get openFailure(): unknown {
    return this.#openFailure
  }

  /** When a connection was last granted. */
  get grantedAt(): number {
    return this.#grantedAt
  }

  notOpened(error: unknown): void {
    this.#openFailure = error
  }

  connectFailed(error: unknown): void {
    this.notOpened(error)
    tellConnectFailed(this, error)
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

  /** Iterates without copying. Records added or removed meanwhile may or may not be visited. */
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

  /** Whether a connection is held or waited for. */
  get isInUse(): boolean {
    return this.#waiters > 0 || this.used > 0
  }

  /** How many connections are held now. */
  get used(): number {
    let used = 0
    for (const { checkout } of this.#connections.values()) if (checkout) used++
    return used
  }

  /** All current holders, the longest first. */
  holders(): CheckoutHolder[] {
    return this.connections
      .flatMap(record => this.holderOf(record) ?? [])
      .toSorted((a, b) => b.heldMs - a.heldMs)
  }

  /** The connection's current holder, if any. */
  holderOf(record: ConnectionRecord): CheckoutHolder | undefined {
    return holderOf(this, record)
  }

  connectionReports(): ConnectionReport[] {
    return this.connections.map(connectionReport)
  }

  waiterReports(): WaiterReport[] {
    return this.#waiting.members().map(waiterReport)
  }
}
