/** What waits in a session's queue: it is started when its turn comes, and says when it is done. */
export interface Turn {
  start(done: () => void): void
  /** Its turn will not come: the session has ended. */
  refuse(error: Error): void
}

/**
 * One turn at a time, in the order of asking. A session's statements go through it, so that `Promise.all` within
 * a session is legal and pg never queues for us. With nobody before it a turn starts at once, in the same tick.
 */
export class Fifo {
  readonly #waiting: Turn[] = []
  #busy = false
  #idle: (() => void)[] = []

  /** How many wait behind the one that runs. */
  get waiting(): number {
    return this.#waiting.length
  }

  get busy(): boolean {
    return this.#busy
  }

  push(turn: Turn): void {
    if (this.#busy) this.#waiting.push(turn)
    else this.#start(turn)
  }

  #start(turn: Turn): void {
    this.#busy = true
    let done = false
    turn.start(() => {
      if (done) return
      done = true
      this.#next()
    })
  }

  #next(): void {
    const turn = this.#waiting.shift()
    if (turn) return this.#start(turn)
    this.#busy = false
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  /** Those that still wait are refused; the one that runs goes on. */
  refuseWaiting(error: Error): void {
    for (const turn of this.#waiting.splice(0)) turn.refuse(error)
  }

  /** Resolves when nothing runs and nothing waits. */
  whenIdle(): Promise<void> {
    if (!this.#busy) return Promise.resolve()
    return new Promise(resolve => void this.#idle.push(resolve))
  }
}
