/** An entry of a session's queue: started when its turn comes, and calls `done` when it is over. */
export interface Turn<Holder = never> {
  start(done: () => void): void
  /** Called when its turn will not come, because the session has ended. */
  refuse(error: Error): void
  /** What holds the turn until it is done, where that is more than a statement. */
  readonly holder?: Holder
}

/**
 * A queue: one turn at a time, in the order of asking. All statements of a session go through it, so `Promise.all`
 * within a session is legal and pg never has to queue. In an empty queue a turn starts at once, in the same tick. A
 * turn with a holder lasts longer than a statement.
 */
export class Fifo<Holder = never> {
  #waiting: Turn<Holder>[] = []
  /** The index of the next turn. Shifting a long array for each turn would take seconds. */
  #first = 0
  #busy = false
  #idle: (() => void)[] = []
  #holder: Holder | undefined
  /** The number of turns with a holder, running or waiting. */
  #holders = 0
  /** When the queue last became idle; null where that is not recorded. */
  idleSince: number | null = null

  /** The number of turns that wait behind the running one. */
  get waiting(): number {
    return this.#waiting.length - this.#first
  }

  get busy(): boolean {
    return this.#busy
  }

  /** The holder of the running turn, if it has one. */
  get holder(): Holder | undefined {
    return this.#holder
  }

  /** Whether a turn with a holder is running or waiting. */
  get hasHolders(): boolean {
    return this.#holders > 0
  }

  /** The holders that a turn pushed now would wait for. */
  holders(): Holder[] {
    const waiting = this.#waiting.slice(this.#first).map(({ holder }) => holder)
    return [this.#holder, ...waiting].filter(holder => holder !== undefined)
  }

  push(turn: Turn<Holder>): void {
    if (turn.holder) this.#holders++
    if (this.#busy) this.#waiting.push(turn)
    else this.#runFrom(turn)
  }

  /** A loop, not recursion: thousands of turns refused in one tick would overflow the stack. */
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
    // Past turns are dropped when they fill half of the array, so the cost for each is constant.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    return turn
  }

  /** Starts a turn. Returns whether it was over when `start` returned; if not, the next one follows its end. */
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
      // The next turn is not affected by this error.
      end()
      this.#runFrom(NOTHING)
      throw error
    }
    returned = true
    return over
  }

  /** Refuses the waiting turns; the running one goes on. */
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
