import { AsyncLocalStorage } from 'node:async_hooks'
import { RequestSums, type End, type Running, type Start } from './request-sums.ts'

/** How often sums are told while they change. */
const TOLD_EVERY_MS = 250
/** How many requests are summed at once, and how many statements of one are kept because they were slow or failed. */
const REQUESTS = 1_000
const KEPT_AFTER_ALL = 100

/** Takes what is to be told. */
export interface Told {
  sums(sums: RequestSums, at: number): void
  /** A statement that was only counted is worth keeping: it is slow, or has failed. */
  statement(start: Start): void
}

/** Sums the statements that are beyond their request's limit. What is slow or fails is told in full all the same. */
export class Counting {
  readonly #told: Told
  readonly #byRequest = new Map<string, RequestSums>()
  readonly #running = new Map<string, Running>()
  readonly #changed = new Set<RequestSums>()
  readonly #keptAfterAll = new WeakMap<RequestSums, number>()
  /** A timer keeps the async context it was made in, which would be a request's. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #timer: NodeJS.Timeout | null = null

  constructor(told: Told) {
    this.#told = told
  }

  /** `kept`: how many kept statements of the request run now. */
  begin(start: Start, shown: string, valuesHash: number | null, kept: () => number): void {
    const request = start.request!
    let sums = this.#byRequest.get(request)
    const isFirst = sums === undefined
    if (!sums) {
      this.#byRequest.set(request, (sums = new RequestSums(request, kept())))
      const [oldest] = this.#byRequest.keys()
      if (this.#byRequest.size > REQUESTS) this.over(oldest!, start.at)
    }
    this.#running.set(start.id, sums.begin(start, shown, valuesHash))
    this.#changed.add(sums)
    // At once, so that the lane shows it. Later changes come together.
    if (isFirst) this.#tell(sums, start.at)
    this.#timer ??= this.#outside(() => setTimeout(() => this.#tick(), TOLD_EVERY_MS).unref())
  }

  /** Whether the statement was one of those, and stays one. */
  end(end: End): boolean {
    const running = this.#running.get(end.id)
    if (!running || (end.error && this.#keep(running, end.at))) return false
    this.#running.delete(end.id)
    running.owner.end(running, end)
    this.#changed.add(running.owner)
    return true
  }

  keptRuns(request: string, more: 1 | -1, at: number): void {
    this.#byRequest.get(request)?.keptRuns(more, at)
  }

  /** The request is over. */
  over(request: string, at: number): void {
    const sums = this.#byRequest.get(request)
    if (!sums) return
    this.#byRequest.delete(request)
    sums.close()
    this.#tell(sums, at)
    if (!sums.isRunning) this.#changed.delete(sums)
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #tick(): void {
    this.#timer = null
    const at = performance.now()
    for (const running of this.#running.values())
      if (at - running.message.at >= TOLD_EVERY_MS) this.#keep(running, at)
    for (const sums of this.#changed) {
      sums.closeIdle(at)
      this.#tell(sums, at)
      if (!sums.isRunning) this.#changed.delete(sums)
    }
    if (this.#changed.size > 0) this.#timer = setTimeout(() => this.#tick(), TOLD_EVERY_MS).unref()
  }

  #keep(running: Running, at: number): boolean {
    const { owner, message } = running
    const kept = this.#keptAfterAll.get(owner) ?? 0
    if (kept >= KEPT_AFTER_ALL) return false
    this.#keptAfterAll.set(owner, kept + 1)
    this.#running.delete(message.id)
    owner.giveUp(running, at)
    owner.keptRuns(1, at)
    this.#changed.add(owner)
    this.#told.statement(message)
    return true
  }

  #tell(sums: RequestSums, at: number): void {
    this.#told.sums(sums, at)
  }
}
