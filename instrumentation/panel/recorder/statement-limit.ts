const REQUESTS = 10_000

interface Counted {
  told: number
  /** Of those told, how many run. */
  running: number
  omitted: number
}

/** Counts the statements of each request: those beyond the limit are not told one by one. */
export class StatementLimit {
  /** Over all requests since the start. */
  omitted = 0
  readonly #limit: number
  readonly #byRequest = new Map<string, Counted>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether to record one more, omit it, or omit it and tell the number omitted so far. */
  admit(request: string): 'tell' | 'omit' | number {
    let counted = this.#byRequest.get(request)
    if (!counted) {
      this.#byRequest.set(request, (counted = { told: 0, running: 0, omitted: 0 }))
      // A request whose end was never reported must not stay for ever.
      if (this.#byRequest.size > REQUESTS)
        for (const oldest of this.#byRequest.keys()) {
          this.#byRequest.delete(oldest)
          break
        }
    }
    if (counted.told < this.#limit) {
      counted.told++
      counted.running++
      return 'tell'
    }
    counted.omitted++
    this.omitted++
    // At 1, 2, 4, 8 …, so that the page sees it grow without a row per statement; the sum comes at the end.
    const isPowerOfTwo = (counted.omitted & (counted.omitted - 1)) === 0
    return isPowerOfTwo ? counted.omitted : 'omit'
  }

  /** One that was told is answered. */
  answered(request: string): void {
    const counted = this.#byRequest.get(request)
    if (counted) counted.running--
  }

  runningOf(request: string): number {
    return Math.max(0, this.#byRequest.get(request)?.running ?? 0)
  }

  /** The request is over: the final number of omitted statements. */
  end(request: string): number {
    const counted = this.#byRequest.get(request)
    this.#byRequest.delete(request)
    return counted?.omitted ?? 0
  }
}
