import type { Row } from '../../model/codec.ts'
import { rowBytes } from './row-bytes.ts'

interface Kept {
  rows: Row[]
  bytes: number
  /** False while the request runs, or while rows of it are still in the ring. */
  isComplete: boolean
}

export interface KeptLimits {
  /** How many complete requests. */
  requests: number
  bytes: number
}

/**
 * Keeps requests that were slow, failed, aborted, leaked or not committed after their rows have left the ring. Healthy
 * traffic does not push them out, only later requests of this kind do. Also holds the first rows of requests of which
 * that is not yet known.
 */
export class KeptRequests {
  bytes = 0
  readonly #limits: KeptLimits
  readonly #dropped: (rows: Row[]) => void
  readonly #forgotten: (request: string) => void
  readonly #byRequest = new Map<string, Kept>()
  #complete = 0

  /** `dropped` takes rows that are no longer held, `forgotten` a request that has none left. */
  constructor(limits: KeptLimits, dropped: (rows: Row[]) => void, forgotten: (request: string) => void) {
    this.#limits = limits
    this.#dropped = dropped
    this.#forgotten = forgotten
  }

  add(request: string, rows: Row[]): void {
    let kept = this.#byRequest.get(request)
    if (!kept) this.#byRequest.set(request, (kept = { rows: [], bytes: 0, isComplete: false }))
    // A job that runs for hours must not take the room of all others.
    if (kept.bytes > this.#limits.bytes / 4) return this.#dropped(rows)
    let bytes = 0
    for (const row of rows) {
      kept.rows.push(row)
      bytes += rowBytes(row)
    }
    kept.bytes += bytes
    this.bytes += bytes
    while (this.bytes > this.#limits.bytes && this.dropOldest());
  }

  /** The request's last row has come: from here on it counts towards the number kept. */
  complete(request: string): void {
    const kept = this.#byRequest.get(request)
    if (!kept || kept.isComplete) return
    kept.isComplete = true
    // Moved behind those that became complete before it.
    this.#byRequest.delete(request)
    this.#byRequest.set(request, kept)
    if (++this.#complete <= this.#limits.requests) return
    for (const [oldest, its] of this.#byRequest) if (its.isComplete) return this.drop(oldest)
  }

  drop(request: string): void {
    const kept = this.#byRequest.get(request)
    if (!kept) return
    this.#byRequest.delete(request)
    this.bytes -= kept.bytes
    if (kept.isComplete) this.#complete--
    this.#forgotten(request)
    this.#dropped(kept.rows)
  }

  /** Returns whether there was one to drop. */
  dropOldest(): boolean {
    for (const request of this.#byRequest.keys()) {
      this.drop(request)
      return true
    }
    return false
  }

  *rows(): Iterable<Row> {
    for (const { rows } of this.#byRequest.values()) yield* rows
  }
}
