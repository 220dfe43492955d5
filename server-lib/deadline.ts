/** Later than this the timer was not late, the event loop stood still. */
const LATE_MS = 50
/** The loop is looked at this often, or twenty times in a long wait. */
const SLICE_MS = 100

/**
 * A deadline in the time that the event loop was alive. While the loop stands still nothing that came can be served,
 * so that time is not counted: the answers that wait in the sockets are read before anybody calls them late.
 */
export function startDeadline(afterMs: number, passed: () => void): { stop(): void } {
  return new Deadline(afterMs, passed)
}

/** One object and one timer: every statement of a transaction starts one. */
class Deadline {
  readonly #slice: number
  readonly #passed: () => void
  #left: number
  #ms: number
  #due = 0
  #isOvertime = false
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(afterMs: number, passed: () => void) {
    this.#slice = Math.max(SLICE_MS, Math.ceil(afterMs / 20))
    this.#passed = passed
    this.#left = afterMs
    this.#ms = Math.min(afterMs, this.#slice)
    this.#wait()
  }

  #wait(): void {
    this.#due = performance.now() + this.#ms
    this.#timer = setTimeout(Deadline.#look, this.#ms, this)
  }

  static #look(this: void, deadline: Deadline): void {
    const lateMs = Math.max(0, performance.now() - deadline.#due)
    const stood = lateMs > LATE_MS
    deadline.#left -= stood ? deadline.#ms : deadline.#ms + lateMs
    if (deadline.#left > 0) {
      deadline.#ms = Math.min(deadline.#left, deadline.#slice)
      return deadline.#wait()
    }
    // The loop stood still until now: who needs more than one round trip gets the time for them, once.
    if (stood && !deadline.#isOvertime) {
      deadline.#isOvertime = true
      deadline.#ms = deadline.#slice
      return deadline.#wait()
    }
    // One turn of the loop, in which it reads what has come.
    deadline.#immediate = setImmediate(deadline.#passed)
  }

  stop(): void {
    clearTimeout(this.#timer)
    if (this.#immediate) clearImmediate(this.#immediate)
  }
}

/** Waits for the promise, but not longer than this; whether it was in time. Rejects as the promise does. */
export async function settledWithin(promise: Promise<unknown>, afterMs: number): Promise<boolean> {
  let deadline: { stop(): void } | undefined
  const late = new Promise<false>(resolve => {
    deadline = startDeadline(afterMs, () => resolve(false))
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    deadline?.stop()
  }
}
