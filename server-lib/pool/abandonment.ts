/**
 * Tells those who wait for a connection that they wait in vain: their request has ended, or their pool was replaced.
 * Comes at most once. An AbortController does the same, and its events cost each request more than the check-out itself.
 */
export class Abandonment {
  #isOver = false
  #reason: unknown
  #listeners: Set<() => void> | undefined

  get isOver(): boolean {
    return this.#isOver
  }

  get reason(): unknown {
    return this.#reason
  }

  /** Not called for one that is over already. */
  on(listener: () => void): void {
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  off(listener: () => void): void {
    this.#listeners?.delete(listener)
  }

  abandon(reason?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const listener of listeners ?? []) listener()
  }
}
