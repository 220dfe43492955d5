/** The part of the grace, and at most how much of it, that is reserved for cancelling and rolling back what is left. */
const CUT_PART = 0.2
const LONGEST_CUT_MS = 1_000
/** The minimum for that: without any grace, statements must still be cancelled and not forgotten. */
const SHORTEST_CUT_MS = 250
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The two instants of a close. Until `graceOver` work may finish by itself; then what is left is cancelled and rolled
 * back. What has not answered by `over` is closed as it is. Both can come nearer, never later.
 */
export class ClosingTime {
  readonly #grace = new Alarm()
  readonly #end = new Alarm()

  constructor(graceMs: number) {
    this.hurry(graceMs)
  }

  hurry(graceMs: number): void {
    const now = performance.now()
    const forCutMs = Math.min(graceMs * CUT_PART, LONGEST_CUT_MS)
    const graceOver = now + graceMs - forCutMs
    this.#grace.setTo(graceOver)
    this.#end.setTo(Math.max(now + graceMs, graceOver + SHORTEST_CUT_MS))
  }

  get graceOver(): Promise<void> {
    return this.#grace.rung
  }

  get over(): Promise<void> {
    return this.#end.rung
  }

  get isGraceOver(): boolean {
    return this.#grace.hasRung
  }

  get isOver(): boolean {
    return this.#end.hasRung
  }

  stop(): void {
    this.#grace.stop()
    this.#end.stop()
  }
}

class Alarm {
  readonly rung: Promise<void>
  hasRung = false
  #ring!: () => void
  #at = Infinity
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.rung = new Promise(resolve => {
      this.#ring = () => {
        this.hasRung = true
        resolve()
      }
    })
  }

  setTo(at: number): void {
    if (at >= this.#at) return
    this.#at = at
    clearTimeout(this.#timer)
    // Node warns about a negative timeout.
    const inMs = Math.max(0, at - performance.now())
    // Node fires a longer timeout at once.
    if (inMs <= LONGEST_TIMER_MS) this.#timer = setTimeout(this.#ring, inMs)
  }

  /** For good: a later `setTo` must not keep the process alive. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#at = -Infinity
  }
}
