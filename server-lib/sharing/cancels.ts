/** Cancels that the server has not taken yet. One names the backend and not the statement, so what is sent meanwhile could be hit. */
export class Cancels {
  readonly #asked = new Set<Promise<void>>()

  add(asked: Promise<void>): void {
    this.#asked.add(asked)
    void asked.then(() => this.#asked.delete(asked))
  }

  get areUnderWay(): boolean {
    return this.#asked.size > 0
  }

  /** Calls when the server has taken all of them, at once where there are none. */
  whenTaken(then: () => void): void {
    if (!this.areUnderWay) return then()
    void Promise.all(this.#asked).then(() => this.whenTaken(then))
  }
}
