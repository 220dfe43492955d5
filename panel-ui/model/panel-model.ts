import type { Row } from '../../instrumentation/model/codec.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type {
  Hello,
  ServerMessage,
  ServerTruth,
  Stat,
  Subscribe,
} from '../../instrumentation/model/protocol.ts'
import type { Link, Receiver } from '../connection.ts'
import { byUrgency } from '../../instrumentation/findings/index.ts'
import { apply } from '../../instrumentation/model/apply.ts'
import { Clock } from './clock.ts'
import { gaugesFromRows, rememberGauges, type GaugeHistory } from './gauges.ts'
import { emptyState, type PanelState } from '../../instrumentation/model/state.ts'

/** Everything that the views are drawn from. Immutable: each change makes a new one. */
export interface PanelView {
  readonly state: PanelState
  readonly hello: Hello | null
  readonly link: Link
  readonly stat: Stat | null
  readonly gauges: GaugeHistory
  /** The servers' last answer, or null if they have not been asked. */
  readonly truth: ServerTruth | null
  /** What the process has found to be wrong, the worst first; null before it has told. */
  readonly findings: readonly Finding[] | null
  readonly isPaused: boolean
  /** How many rows wait until the page is no longer paused. */
  readonly heldBack: number
}

/** Applies while paused, or hidden by a browser that draws no frames: beyond this it is cheaper to start again. */
const PENDING_LIMIT = 50_000

/**
 * The page's state outside of React: takes what the socket brings, applies it once per frame, and notifies listeners.
 */
export class PanelModel implements Receiver {
  readonly clock = new Clock(() => isMoving(this.#view.state))
  readonly #listeners = new Set<() => void>()
  readonly #texts = new Map<number, string>()
  readonly #frame: (flush: () => void) => void
  #view: PanelView = {
    state: emptyState,
    hello: null,
    link: { state: 'connecting' },
    stat: null,
    gauges: new Map(),
    truth: null,
    findings: null,
    isPaused: false,
    heldBack: 0,
  }
  #pending: Row[] = []
  /** By key, as of the last message of this socket. */
  #findings = new Map<string, Finding>()
  /** Dismissed here, and not yet confirmed by the process. */
  readonly #dismissed = new Set<string>()
  #startsAnew = false
  #overflowed = false
  #scheduled = false
  received = 0
  /** Called when the page starts or stops wanting the servers' answers. */
  onWatch: (truth: boolean) => void = () => {}
  #watchers = 0
  /** Called when a finding was read, and no page needs to show it any more. */
  onDismiss: (key: string) => void = () => {}
  /** Called when rows were thrown away and only another snapshot helps. */
  onLostRows: () => void = () => {}

  constructor(frame: (flush: () => void) => void) {
    this.#frame = frame
  }

  readonly view = (): PanelView => this.#view

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  link(link: Link): void {
    this.clock.isFrozen = link.state !== 'live' || this.#view.isPaused
    this.#emit({ link })
  }

  hello(hello: Hello): Subscribe['since'] {
    const previous = this.#view.hello
    const isSame = previous?.boot === hello.boot && !this.#overflowed
    this.clock.reset()
    this.clock.heard(hello.now)
    this.#findings.clear()
    this.#dismissed.clear()
    // What still waits came on an earlier socket, and uses its interned strings.
    if (isSame) this.#applyPending()
    else this.#forget(previous?.boot !== hello.boot)
    this.#overflowed = false
    this.#emit({ hello })
    return isSame && this.received > 0 ? { boot: hello.boot, seq: this.received } : null
  }

  message(message: Exclude<ServerMessage, Hello>): void {
    switch (message.type) {
      case 'dict':
        for (const [id, text] of message.entries) this.#texts.set(id, text)
        return
      case 'snap':
        this.#pending = [...message.rows]
        this.#startsAnew = true
        this.received = message.seq
        return this.#schedule()
      case 'ev':
        return this.#take(message.rows)
      case 'stat':
        this.clock.heard(message.now)
        return this.#emit({ stat: message, gauges: rememberGauges(this.#view.gauges, message) })
      case 'truth':
        if (!this.#view.isPaused) this.#emit({ truth: message })
        return
      case 'findings':
        for (const key of message.over) {
          this.#findings.delete(key)
          this.#dismissed.delete(key)
        }
        for (const finding of message.found)
          if (!this.#dismissed.has(finding.key)) this.#findings.set(finding.key, finding)
        if (!this.#view.isPaused) this.#showFindings()
        return
      case 'gap':
      case 'bye':
        return
      default:
        message satisfies never
    }
  }

  get wantsTruth(): boolean {
    return this.#watchers > 0
  }

  /** Has the servers asked, until the returned function is called. */
  readonly watch = (): (() => void) => {
    if (this.#watchers++ === 0) this.onWatch(true)
    return () => {
      if (--this.#watchers > 0) return
      this.onWatch(false)
      // From now on it grows old, and must not pass for the present when a view opens again.
      this.#emit({ truth: null })
    }
  }

  /** Takes findings from the list, here at once and on every page as soon as the process hears of it. */
  dismiss(findings: readonly Pick<Finding, 'key'>[]): void {
    for (const { key } of findings) {
      this.#findings.delete(key)
      this.#dismissed.add(key)
      this.onDismiss(key)
    }
    this.#showFindings()
  }

  pause(isPaused: boolean): void {
    this.clock.isFrozen = isPaused || this.#view.link.state !== 'live'
    this.#emit({ isPaused })
    if (isPaused) return
    if (this.#view.findings !== null) this.#showFindings()
    if (this.#overflowed) this.onLostRows()
    else this.flush()
  }

  /** Applies what has come since the last frame. */
  flush(): void {
    this.#scheduled = false
    if (this.#view.isPaused) {
      if (this.#view.heldBack !== this.#pending.length) this.#emit({ heldBack: this.#pending.length })
      return
    }
    this.#applyPending()
  }

  #showFindings(): void {
    this.#emit({ findings: [...this.#findings.values()].sort(byUrgency) })
  }

  #take(rows: readonly Row[]): void {
    const last = rows.at(-1)
    if (!last || this.#overflowed) return
    // After a resume, a row may come that was already seen.
    for (const row of rows) if (row[0] > this.received) this.#pending.push(row)
    this.received = Math.max(this.received, last[0])
    if (this.#pending.length > PENDING_LIMIT) {
      this.#pending = []
      this.#overflowed = true
      if (!this.#view.isPaused) this.onLostRows()
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#frame(() => this.flush())
  }

  #applyPending(): void {
    if (this.#pending.length === 0 && !this.#startsAnew) return
    const rows = this.#pending
    this.#pending = []
    const from = this.#startsAnew ? emptyState : this.#view.state
    const applied = apply(from, rows, id => this.#texts.get(id) ?? '…')
    if (this.#startsAnew) {
      this.#startsAnew = false
      const gauges = gaugesFromRows(applied, this.clock.now())
      return this.#emit({ state: { ...applied, seq: this.received }, gauges, heldBack: 0 })
    }
    this.#emit({ state: applied, heldBack: 0 })
  }

  #forget(isOtherProcess: boolean): void {
    this.#pending = []
    this.#startsAnew = false
    this.received = 0
    if (!isOtherProcess) return
    this.#texts.clear()
    this.#emit({ state: emptyState, stat: null, gauges: new Map(), truth: null, findings: null, heldBack: 0 })
  }

  #emit(change: Partial<PanelView>): void {
    this.#view = { ...this.#view, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** Whether anything in it is not over, so that its duration grows. */
const isMoving = ({ checkouts, transactions, statements, requests, order }: PanelState): boolean =>
  checkouts.size + transactions.size + statements.size > 0 ||
  order.some(id => requests.get(id)?.endedAt === null)
