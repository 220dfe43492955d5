/** A quarter of a second: as often as a growing duration can change without flicker. */
const TICK_MS = 250
/** While nothing runs only ages grow, and those are told in seconds. */
const IDLE_TICK_MS = 1000

/**
 * The process's clock as the page knows it. It stands still while the page is paused or gets no news, because a hold
 * must not seem to grow when nothing says that it lasts.
 */
export class Clock {
  readonly #listeners = new Set<() => void>()
  readonly #isMoving: () => boolean
  #offset: number | null = null
  #frozenAt: number | null = null
  #tick = 0
  #timer: ReturnType<typeof setInterval> | undefined

  /** `isMoving`: whether anything runs whose duration is shown. */
  constructor(isMoving: () => boolean = () => true) {
    this.#isMoving = isMoving
  }

  /** Sets the clock by a time that the process has just sent. */
  heard(now: number): void {
    const offset = now - performance.now()
    // The message with the least delay is the most accurate; a large difference means that a laptop slept.
    if (this.#offset === null || offset > this.#offset || this.#offset - offset > 2000) this.#offset = offset
  }

  reset(): void {
    this.#offset = null
  }

  now(): number {
    return this.#frozenAt ?? performance.now() + (this.#offset ?? 0)
  }

  get isFrozen(): boolean {
    return this.#frozenAt !== null
  }

  set isFrozen(frozen: boolean) {
    if (frozen === this.isFrozen) return
    this.#frozenAt = frozen ? this.now() : null
    this.#emit()
  }

  /** The time of the last tick: the same value for all durations that are drawn until the next one. */
  readonly ticked = (): number => this.#tick

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) {
      this.#tick = this.now()
      this.#timer = setInterval(() => {
        if (document.hidden) return
        // The timer may be a little early.
        if (this.now() - this.#tick > IDLE_TICK_MS - TICK_MS / 2 || this.#isMoving()) this.#emit()
      }, TICK_MS)
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) clearInterval(this.#timer)
    }
  }

  #emit(): void {
    const now = this.now()
    if (now === this.#tick) return
    this.#tick = now
    for (const listener of this.#listeners) listener()
  }
}
