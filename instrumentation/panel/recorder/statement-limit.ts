import { KIND, type StatementsOmittedRow } from '../../model/rows.ts'

const REQUESTS = 10_000

interface Counted {
  told: number
  omitted: number
}

/** Counts the statements of each request; those past the limit are not told, only their number is. */
export class StatementLimit {
  /** Of all requests since the start. */
  omitted = 0
  readonly #limit: number
  readonly #byRequest = new Map<string, Counted>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether there is room to tell one more, or the row that says how many were left out so far. */
  admit(request: string, at: number): 'tell' | 'omit' | StatementsOmittedRow {
    let counted = this.#byRequest.get(request)
    if (!counted) {
      this.#byRequest.set(request, (counted = { told: 0, omitted: 0 }))
      // A request whose end was never said must not stay for ever.
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
    // At 1, 2, 4, 8 …, so that the page sees it rise without a row per statement; the end says the sum.
    const isPowerOfTwo = (counted.omitted & (counted.omitted - 1)) === 0
    return isPowerOfTwo ? [0, KIND.statementsOmitted, at, request, counted.omitted] : 'omit'
  }

  /** The request is over: the last word on what was left out, or null when nothing was. */
  end(request: string, at: number): StatementsOmittedRow | null {
    const counted = this.#byRequest.get(request)
    this.#byRequest.delete(request)
    return counted && counted.omitted > 0 ? [0, KIND.statementsOmitted, at, request, counted.omitted] : null
  }
}
