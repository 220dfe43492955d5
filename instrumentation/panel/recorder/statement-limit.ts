const REQUESTS = 10_000

interface Counted {
  told: number
  omitted: number
}

/** Counts the statements of each request; beyond the limit only their number is recorded. */
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
      this.#byRequest.set(request, (counted = { told: 0, omitted: 0 }))
      // A request whose end was never reported must not stay for ever.
      if (this.#byRequest.size > REQUESTS)
        for (const oldest of this.#byRequest.keys()) {
          this.#byRequest.delete(oldest)
          break
        }
    }
    if (counted.told < this.#limit) {
      counted.told++
      return 'tell'
    }
    counted.omitted++
    this.omitted++
    // At 1, 2, 4, 8 …, so that the page sees it grow without a row per statement; the sum comes at the end.
    const isPowerOfTwo = (counted.omitted & (counted.omitted - 1)) === 0
    return isPowerOfTwo ? counted.omitted : 'omit'
  }

  /** The request is over: the final number of omitted statements. */
  end(request: string): number {
    const counted = this.#byRequest.get(request)
    this.#byRequest.delete(request)
    return counted?.omitted ?? 0
  }
}
