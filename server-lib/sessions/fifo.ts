/** What waits in a session's queue: it is started when its turn comes, and says when it is done. */
export interface Turn<Holder = never> {
  start(done: () => void): void
  /** Its turn will not come: the session has ended. */
  refuse(error: Error): void
  /** What holds the turn until it is done, where that is more than a statement. */
  readonly holder?: Holder
}

/**
 * One turn at a time, in the order of asking. A session's statements go through it, so that `Promise.all` within
 * a session is legal and pg never queues for us. With nobody before it a turn starts at once, in the same tick.
 * A holder is what has a turn for longer than a statement.
 */
export class Fifo<Holder = never> {
  #waiting: Turn<Holder>[] = []
  /** Where those begin whose turn has not come: to shift a long array for each of them takes seconds. */
  #first = 0
  #busy = false
  #idle: (() => void)[] = []
  #holder: Holder | undefined
  /** How many turns with a holder there are, running or waiting. */
  #holders = 0
  /** When it became idle last: null where that is not asked for. */
  idleSince: number | null = null

  /** How many wait behind the one that runs. */
  get waiting(): number {
    return this.#waiting.length - this.#first
  }

  get busy(): boolean {
    return this.#busy
  }

  /** What holds the turn that runs, if anything does. */
  get holder(): Holder | undefined {
    return this.#holder
  }

  /** Whether a turn with a holder runs or waits. */
  get hasHolders(): boolean {
    return this.#holders > 0
  }

  /** What a turn that is pushed now would wait for, beside statements. */
  holders(): Holder[] {
    const waiting = this.#waiting.slice(this.#first).map(({ holder }) => holder)
    return [this.#holder, ...waiting].filter(holder => holder !== undefined)
  }

  push(turn: Turn<Holder>): void {
    if (turn.holder) this.#holders++
    if (this.#busy) this.#waiting.push(turn)
    else this.#runFrom(turn)
  }

  /** A loop: of thousands that are refused in one tick each would stand on the stack of the one before. */
  #runFrom(first: Turn<Holder>): void {
    this.#busy = true
    for (let turn: Turn<Holder> | undefined = first; turn; turn = this.#take()) {
      if (!this.#isOverAtOnce(turn)) return
    }
    this.#busy = false
    if (this.idleSince !== null) this.idleSince = performance.now()
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #take(): Turn<Holder> | undefined {
    const turn = this.#waiting[this.#first++]
    // What has had its turn is let go in halves, so that it costs each the same.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    return turn
  }

  /** Starts a turn; when it was not over as `start` returned, the next one follows when it is. */
  #isOverAtOnce(turn: Turn<Holder>): boolean {
    let over = false
    let returned = false
    this.#holder = turn.holder
    const end = () => {
      over = true
      if (!turn.holder) return
      this.#holder = undefined
      this.#holders--
    }
    try {
      turn.start(() => {
        if (over) return
        end()
        if (returned) this.#runFrom(NOTHING)
      })
    } catch (error) {
      // Whoever comes next has no part in it.
      end()
      this.#runFrom(NOTHING)
      throw error
    }
    returned = true
    return over
  }

  /** Those that still wait are refused; the one that runs goes on. */
  refuseWaiting(error: Error): void {
    const refused = this.#waiting.slice(this.#first)
    this.#waiting = []
    this.#first = 0
    this.#holders = this.#holder ? 1 : 0
    for (const turn of refused) turn.refuse(error)
  }

  /** Resolves when nothing runs and nothing waits. */
  whenIdle(): Promise<void> {
    if (!this.#busy) return Promise.resolve()
    return new Promise(resolve => void this.#idle.push(resolve))
  }
}

const NOTHING: Turn = { start: done => done(), refuse() {} }
