import { Linked, Ring } from '../clock/ring.ts'

/** Somebody who is told of an abandonment, until he leaves. */
class Listener extends Linked {
  readonly told: () => void

  constructor(told: () => void) {
    super()
    this.told = told
  }
}

/**
 * Tells those who wait for a connection that they wait in vain: their request has ended, or their pool was replaced.
 * Comes at most once. An AbortController does the same, and its events cost each request more than the check-out itself.
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

  /** Not called for one that is over already. What it returns leaves. */
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
