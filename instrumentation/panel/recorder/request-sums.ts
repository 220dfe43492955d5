import type { StatementMessage } from '../../../server-lib/channels/index.ts'
import { copyOf } from './plain.ts'
import { Stretch } from './stretch.ts'
import { OTHERS, TextSum, type SumOf } from './text-sum.ts'

export type Start = Extract<StatementMessage, { phase: 'start' }>
export type End = Extract<StatementMessage, { phase: 'end' }>

/** Of one request. What is beyond is summed as one, or continues the last stretch of its connection. */
const MOST = { sums: 100, stretches: 60 }
/** A longer time without a statement is no gap of a loop. */
const GAP_MS = 250

/** A statement beyond the limit that runs, with what was spent before it. */
export interface Running {
  readonly message: Start
  readonly owner: RequestSums
  readonly sum: TextSum
  readonly stretches: readonly Stretch[]
  readonly spentBefore: number
  readonly busyBefore: readonly number[]
}

/** The statements of one request that are beyond its limit: summed by text and line, and when they ran. */
export class RequestSums {
  readonly request: string
  readonly sums: TextSum[] = []
  readonly stretches: Stretch[] = []
  /** How many of the request's statements run that are kept. */
  kept: number
  readonly #byText = new Map<string | null, Map<string, TextSum>>()

  constructor(request: string, kept: number) {
    this.request = request
    this.kept = kept
  }

  begin(message: Start, shown: string, valuesHash: number | null): Running {
    const { at, connection, queuedMs } = message
    const sum = this.#sumOf(message, shown)
    const stretches = [this.#stretchOf(null, at), this.#stretchOf(connection, at)].filter(
      s => s !== undefined,
    )
    const spentBefore = sum.spentUntil(at)
    const busyBefore = stretches.map(stretch => stretch.busyUntil(at))
    sum.begin(at, connection, queuedMs, valuesHash)
    for (const stretch of stretches) stretch.begin(at)
    return { message, owner: this, sum, stretches, spentBefore, busyBefore }
  }

  end({ message, sum, stretches }: Running, { at, rows, command, error }: End): void {
    sum.end(at, message.at, rows, command)
    if (error) sum.failed()
    for (const stretch of stretches) stretch.end(at)
  }

  /** It is kept after all. */
  giveUp({ message, sum, stretches, spentBefore, busyBefore }: Running, at: number): void {
    sum.giveUp(message.queuedMs, spentBefore, at)
    stretches.forEach((stretch, i) => stretch.giveUp(busyBefore[i]!, at))
  }

  /** A statement that is kept has begun or ended. */
  keptRuns(more: 1 | -1, at: number): void {
    this.kept += more
    const whole = this.#lastOf(null)
    if (!whole?.isOpen) return
    whole.kept = this.kept
    whole.settle(at)
  }

  /** Ends the stretches in which nothing runs any more. */
  closeIdle(at: number): void {
    for (const stretch of this.stretches) if (at - stretch.idleSince >= GAP_MS) stretch.close()
  }

  close(): void {
    for (const stretch of this.stretches) stretch.close()
  }

  get isRunning(): boolean {
    return this.stretches.some(({ isOpen }) => isOpen)
  }

  #sumOf(message: Start, shown: string): TextSum {
    let byLine = this.#byText.get(shown)
    const line = `${message.engine}\n${message.site?.label ?? ''}`
    const known = byLine?.get(line)
    if (known) return known
    if (this.sums.length >= MOST.sums) return this.#others()
    // The text was cut out of one that may have literals in it.
    const text = copyOf(shown)
    if (!byLine) this.#byText.set(text, (byLine = new Map()))
    const { engine, parameters, site } = message
    const sum = this.#add({ engine, text, parameters, site: site?.label ?? null, within: withinOf(site) })
    byLine.set(line, sum)
    return sum
  }

  #others(): TextSum {
    const known = this.#byText.get(null)?.get('')
    if (known) return known
    const sum = this.#add(OTHERS)
    this.#byText.set(null, new Map([['', sum]]))
    return sum
  }

  #add(of: SumOf): TextSum {
    const sum = new TextSum(this.sums.length, of)
    this.sums.push(sum)
    return sum
  }

  #stretchOf(connection: string | null, at: number): Stretch | undefined {
    const last = this.#lastOf(connection)
    if (last?.isOpen && (last.running > 0 || at - last.idleSince < GAP_MS)) return last
    last?.close()
    const isFull = this.stretches.length >= MOST.stretches
    const stretch = isFull ? last : new Stretch(this.stretches.length, connection, at)
    if (stretch && connection === null) stretch.kept = this.kept
    if (stretch && !isFull) this.stretches.push(stretch)
    return stretch
  }

  readonly #lastOf = (connection: string | null) => this.stretches.findLast(s => s.connection === connection)
}

/** The function in which the line of a site stands. */
export function withinOf(site: Start['site']): string | null {
  const frame = site?.frames[0]
  const end = frame?.lastIndexOf(' (') ?? -1
  return frame === undefined || end <= 0 ? null : frame.slice(0, end)
}
