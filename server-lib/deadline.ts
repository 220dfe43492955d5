/** How often deadlines are looked at, and so how late one can pass. */
const PERIOD_MS = 20
/** Later than this the timer was not late, the event loop stood still. */
const LATE_MS = 80
/** Who needs more than one round trip gets this much after a stall, once. */
const OVERTIME_MS = 100

let timer: NodeJS.Timeout | undefined
let lookedAt = 0
/** The time in which the event loop was alive, in milliseconds, as of `lookedAt`. */
let aliveMs = 0

/**
 * A deadline in the time that the event loop was alive. While the loop stands still nothing that came can be served,
 * so that time is not counted: the answers that wait in the sockets are read before anybody calls them late.
 *
 * Deadlines hardly ever pass and are set several times for each unit of work, so one timer looks after them all: a
 * timer of Node's for each costs more than the rest of a check-out. They hang in a ring, which nothing has to be
 * allocated for.
 */
export class Deadline {
  dueAt: number
  readonly passed: () => void
  hadOvertime = false
  before: Deadline = this
  after: Deadline = this

  constructor(afterMs: number, passed: () => void) {
    const now = performance.now()
    this.passed = passed
    this.dueAt = aliveMs + Math.min(now - lookedAt, PERIOD_MS + LATE_MS) + afterMs
  }

  get isPending(): boolean {
    return this.after !== this
  }

  stop(): void {
    this.before.after = this.after
    this.after.before = this.before
    this.before = this
    this.after = this
  }
}

/** Where the ring begins and ends. */
const ring = new Deadline(Infinity, () => {})

export function startDeadline(afterMs: number, passed: () => void): Deadline {
  if (timer === undefined) {
    lookedAt = performance.now()
    timer = setTimeout(look, PERIOD_MS)
  }
  const deadline = new Deadline(afterMs, passed)
  deadline.before = ring.before
  deadline.after = ring
  ring.before.after = deadline
  ring.before = deadline
  return deadline
}

function look(): void {
  const now = performance.now()
  const elapsedMs = now - lookedAt
  const stood = elapsedMs > PERIOD_MS + LATE_MS
  aliveMs += Math.min(elapsedMs, PERIOD_MS + LATE_MS)
  lookedAt = now
  for (let deadline = ring.after; deadline !== ring; deadline = deadline.after) {
    if (deadline.dueAt > aliveMs) continue
    if (stood && !deadline.hadOvertime) {
      deadline.hadOvertime = true
      deadline.dueAt = aliveMs + OVERTIME_MS
      continue
    }
    deadline.dueAt = Infinity
    // One turn of the loop, in which it reads what has come.
    setImmediate(pass, deadline)
  }
  // Not cleared when the last one is stopped: the next one is usually near.
  timer = ring.isPending ? setTimeout(look, PERIOD_MS) : undefined
}

function pass(deadline: Deadline): void {
  if (!deadline.isPending) return
  deadline.stop()
  deadline.passed()
}

/** Waits for the promise, but not longer than this; whether it was in time. Rejects as the promise does. */
export async function settledWithin(promise: Promise<unknown>, afterMs: number): Promise<boolean> {
  let deadline: Deadline | undefined
  const late = new Promise<false>(resolve => {
    deadline = startDeadline(afterMs, () => resolve(false))
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    deadline?.stop()
  }
}
