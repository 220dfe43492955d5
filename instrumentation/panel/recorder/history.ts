import { KIND, type AnyRow } from '../../model/rows.ts'
import type { Snapshot } from '../../model/protocol.ts'
import { Dictionary } from './dictionary.ts'
import { KeptRequests } from './kept-requests.ts'
import type { RecorderLimits } from './limits.ts'
import { OpenRows } from '../../model/open-rows.ts'
import { RowRing } from './row-ring.ts'

/**
 * All held rows: the ring of recent ones, what was open before the oldest of them (`#before`), and requests kept aside.
 * Applying `#before` and then the ring leads to the present state.
 */
export class History {
  readonly ring = new RowRing()
  readonly dictionary: Dictionary
  /** How many rows are no longer held anywhere. */
  dropped = 0
  /** What is open now, as of the newest row. */
  readonly now = new OpenRows((rows, _request, _closes) => {
    for (const row of rows) if (row[1] === KIND.checkoutAcquired) this.now.countUse(row[4])
  })
  readonly #before: OpenRows
  readonly #kept: KeptRequests
  /** Requests that are over, worth keeping, and not yet dropped. */
  readonly #interesting = new Set<string>()
  readonly #limits: RecorderLimits

  constructor(limits: RecorderLimits) {
    this.#limits = limits
    this.dictionary = new Dictionary(limits.dictionaryBytes)
    this.#before = new OpenRows((rows, request, closes) => this.#leaveBefore(rows, request, closes))
    this.#kept = new KeptRequests(
      { requests: limits.requestsKept, bytes: limits.keptBytes },
      rows => this.#drop(rows),
      request => this.#interesting.delete(request),
    )
  }

  get bytes(): number {
    return this.ring.bytes
  }

  /** Numbers the row and adds it; old rows leave as the limits demand. */
  push(row: AnyRow): void {
    const seq = this.ring.last + 1
    row[0] = seq
    this.ring.push(row)
    this.dictionary.hold(row)
    if (row[1] === KIND.requestEnd && this.#isInteresting(row)) this.#interesting.add(row[3])
    if (row[1] === KIND.commitEnd && row[4] !== 'committed') {
      const request = this.now.requestOfCommit(row[3])
      if (request !== null) this.#interesting.add(request)
    }
    this.now.apply(row)
    while (this.ring.bytes > this.#limits.ringBytes && this.ring.length > 1) this.#evict()
    this.dictionary.trim()
    while (this.dictionary.isOver && this.ring.length > 1) {
      this.#evict()
      this.dictionary.trim()
    }
    while (this.dictionary.isOver && this.#kept.dropOldest()) this.dictionary.trim()
  }

  /** What was open, and what is kept, before the ring: the whole ring follows on it. */
  beforeRing(): Snapshot {
    return {
      type: 'snap',
      seq: this.ring.first - 1,
      rows: inOrder([...this.#before.rows(), ...this.#kept.rows()]),
    }
  }

  /** What is open now and what is kept, without the rows between: for a reader that is too late for those. */
  asOfNow(): Snapshot {
    const kept = [...this.#kept.rows()]
    const usesTold = new Map<string, number>()
    for (const row of kept)
      if (row[1] === KIND.checkoutAcquired) usesTold.set(row[4], (usesTold.get(row[4]) ?? 0) + 1)
    const open = [...this.now.rows()].map(row => {
      const told = row[1] === KIND.connected ? (usesTold.get(row[3]) ?? 0) : 0
      return told > 0 && row[1] === KIND.connected ? (row.with(8, Math.max(0, row[8] - told)) as AnyRow) : row
    })
    return { type: 'snap', seq: this.ring.last, rows: inOrder([...open, ...kept]) }
  }

  /** How many rows are held in all; together with `dropped` it gives the number of the newest row. */
  get held(): number {
    let held = this.ring.length
    for (const _ of this.#before.rows()) held++
    for (const _ of this.#kept.rows()) held++
    return held
  }

  #evict(): void {
    const row = this.ring.shift()
    if (row !== undefined) this.#before.apply(row)
  }

  #leaveBefore(rows: AnyRow[], request: string | null, closes: boolean): void {
    if (request === null) return this.#drop(rows)
    const isWorthKeeping = this.#interesting.has(request)
    const isRunning = this.now.request(request)?.isOver === false
    if (!isWorthKeeping && !isRunning) {
      this.#kept.drop(request)
      return this.#drop(rows)
    }
    this.#kept.add(request, rows)
    if (closes && isWorthKeeping) this.#kept.complete(request)
  }

  #drop(rows: AnyRow[]): void {
    this.dropped += rows.length
    for (const row of rows) {
      this.dictionary.letGo(row)
      if (row[1] === KIND.checkoutAcquired) this.#before.countUse(row[4])
    }
  }

  #isInteresting(row: Extract<AnyRow, [number, typeof KIND.requestEnd, ...unknown[]]>): boolean {
    const started = this.now.request(row[3])
    if (!started) return false
    const [, , at, , outcome, status, unreleased] = row
    return (
      at - started.startedAt > this.#limits.slowMs ||
      outcome !== 'finished' ||
      (status ?? 0) >= 500 ||
      unreleased.length > 0
    )
  }
}

function inOrder(rows: AnyRow[]): AnyRow[] {
  return rows.sort((one, other) => one[0] - other[0])
}
