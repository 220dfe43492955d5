import { Linked, Ring } from '../clock/ring.ts'

/** A listener for an abandonment, until it leaves. */
class Listener extends Linked {
  readonly told: () => void

  constructor(told: () => void) {
    super()
    this.told = told
  }
}

/**
 * Tells waiters for a connection that they wait in vain: their request has ended, or their pool was replaced. Happens
 * at most once. An AbortController does the same, but its events cost a request more than the check-out itself.
 */
export class Abandonment {
  #isOver = false
  #reason: unknown
  readonly #listeners = new Ring<Listener>()

  get isOver(): boolean {
    return this.#isOver
  }

  get reason(): unknown {
    return this.#reason
  }

  /** Is not called if the abandonment is already over. `leave` on the returned object unsubscribes. */
  on(told: () => void): { leave(): void } {
    const listener = new Listener(told)
    this.#listeners.join(listener)
    return listener
  }

  abandon(reason?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    for (let listener = this.#listeners.first; listener; listener = this.#listeners.first) {
      listener.leave()
      listener.told()
    }
  }
}
