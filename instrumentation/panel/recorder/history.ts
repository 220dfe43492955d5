import { decode, idOf, isA, type Row } from '../../model/codec.ts'
import type { Snapshot } from '../../model/protocol.ts'
import { Dictionary } from './dictionary.ts'
import { KeptRequests } from './kept-requests.ts'
import type { RecorderLimits } from './limits.ts'
import { OpenRows, useOf, withUses } from '../../model/open-rows.ts'
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
    for (const row of rows) this.now.countUse(useOf(row))
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
  push(row: Row): void {
    const seq = this.ring.last + 1
    row[0] = seq
    this.ring.push(row)
    this.dictionary.hold(row)
    const request = this.#interestingRequest(row)
    if (request !== null) this.#interesting.add(request)
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
    for (const row of kept) {
      const used = useOf(row)
      if (used !== null) usesTold.set(used, (usesTold.get(used) ?? 0) + 1)
    }
    const open = [...this.now.rows()].map(row => {
      const told = isA('connected', row) ? usesTold.get(idOf(row)) : undefined
      return told === undefined ? row : withUses(row, -told)
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

  #leaveBefore(rows: Row[], request: string | null, closes: boolean): void {
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

  #drop(rows: Row[]): void {
    this.dropped += rows.length
    for (const row of rows) {
      this.dictionary.letGo(row)
      this.#before.countUse(useOf(row))
    }
  }

  /** The request that a row makes worth keeping, or null. */
  #interestingRequest(row: Row): string | null {
    if (isA('commitEnd', row)) {
      const { id, outcome } = decode('commitEnd', row)
      return outcome === 'committed' ? null : this.now.requestOfCommit(id)
    }
    if (!isA('requestEnd', row)) return null
    const { id, outcome, status, unreleased } = decode('requestEnd', row)
    const started = this.now.request(id)
    const isInteresting =
      started !== undefined &&
      (row[2] - started.startedAt > this.#limits.slowMs ||
        outcome !== 'finished' ||
        (status ?? 0) >= 500 ||
        unreleased.length > 0)
    return isInteresting ? id : null
  }
}

function inOrder(rows: Row[]): Row[] {
  return rows.sort((one, other) => one[0] - other[0])
}
