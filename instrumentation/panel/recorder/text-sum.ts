import { BusyTime } from './busy-time.ts'

/** What statements of one text and line have in common. */
export interface SumOf {
  readonly engine: string | null
  /** As it is shown. Null, as the line, for those of many texts. */
  readonly text: string | null
  readonly parameters: number
  readonly site: string | null
  readonly within: string | null
}

export const OTHERS: SumOf = { engine: null, text: null, parameters: 0, site: null, within: null }

/** More different values, or connections, are not told apart. */
const APART = 64

/** The sum of statements beyond the limit, of one request, text and line. */
export class TextSum {
  readonly part: number
  readonly of: SumOf
  isChanged = true
  #total = 0
  #running = 0
  #failed = 0
  #rows = 0
  #command: string | null = null
  #summedMs = 0
  #queuedMs = 0
  #firstAt = Infinity
  #lastAt = 0
  #atOnce = 0
  readonly #spent = new BusyTime()
  readonly #connections = new Set<string>()
  readonly #values = new Set<number>()

  constructor(part: number, of: SumOf) {
    this.part = part
    this.of = of
  }

  begin(at: number, connection: string, queuedMs: number, valuesHash: number | null): void {
    this.isChanged = true
    this.#total++
    this.#running++
    this.#queuedMs += queuedMs
    this.#firstAt = Math.min(at, this.#firstAt)
    this.#lastAt = Math.max(at, this.#lastAt)
    this.#atOnce = Math.max(this.#running, this.#atOnce)
    if (this.#connections.size < APART) this.#connections.add(connection)
    if (valuesHash !== null && this.#values.size < APART) this.#values.add(valuesHash)
    this.#spent.set(true, at)
  }

  end(at: number, startedAt: number, rows: number | null, command: string | null): void {
    this.isChanged = true
    this.#running--
    this.#rows += rows ?? 0
    this.#command ??= command
    this.#summedMs += at - startedAt
    this.#lastAt = Math.max(at, this.#lastAt)
    this.#spent.set(this.#running > 0, at)
  }

  failed(): void {
    this.#failed++
  }

  spentUntil(at: number): number {
    return this.#spent.until(at)
  }

  /** One that runs is kept after all. */
  giveUp(queuedMs: number, spentBefore: number, at: number): void {
    this.isChanged = true
    this.#total--
    this.#running--
    this.#queuedMs -= queuedMs
    this.#spent.takeBackTo(spentBefore, at)
    this.#spent.set(this.#running > 0, at)
  }

  factsAt(at: number) {
    const [valuesHash = null] = this.#values
    return {
      part: this.part,
      ...this.of,
      total: this.#total,
      running: this.#running,
      failed: this.#failed,
      rows: this.#rows,
      command: this.#command,
      summedMs: this.#summedMs,
      spentMs: this.#spent.until(at),
      queuedMs: this.#queuedMs,
      firstAt: this.#firstAt === Infinity ? at : this.#firstAt,
      lastAt: this.#lastAt,
      atOnce: this.#atOnce,
      connections: this.#connections.size,
      valuesHash,
      distinct: this.#values.size,
    }
  }
}
