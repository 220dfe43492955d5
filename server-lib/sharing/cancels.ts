/**
 * Cancels that the server has not taken yet. A cancel names the backend and not the statement, so it could hit a
 * statement sent meanwhile.
 */
export class Cancels {
  readonly #asked = new Set<Promise<void>>()

  add(asked: Promise<void>): void {
    this.#asked.add(asked)
    void asked.then(() => this.#asked.delete(asked))
  }

  get areUnderWay(): boolean {
    return this.#asked.size > 0
  }

  /** Calls back when the server has taken all cancels, at once where there are none. */
  whenTaken(then: () => void): void {
    if (!this.areUnderWay) return then()
    void Promise.all(this.#asked).then(() => this.whenTaken(then))
  }
}
