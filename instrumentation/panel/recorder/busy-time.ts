/** Adds up the time in which something was so. */
export class BusyTime {
  #ms = 0
  #since: number | null = null

  set(isBusy: boolean, at: number): void {
    if (isBusy === (this.#since !== null)) return
    if (this.#since !== null) this.#ms += Math.max(0, at - this.#since)
    this.#since = isBusy ? at : null
  }

  until(at: number): number {
    return this.#since === null ? this.#ms : this.#ms + Math.max(0, at - this.#since)
  }

  /** Takes back what was added since it was `ms`. */
  takeBackTo(ms: number, at: number): void {
    this.#ms = ms
    if (this.#since !== null) this.#since = at
  }
}
