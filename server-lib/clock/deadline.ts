import { Linked, Ring } from './ring.ts'

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
export class Deadline extends Linked {
  dueAt: number
  readonly passed: () => void
  hadOvertime = false

  constructor(afterMs: number, passed: () => void) {
    super()
    const now = performance.now()
    this.passed = passed
    this.dueAt = aliveMs + Math.min(now - lookedAt, PERIOD_MS + LATE_MS) + afterMs
  }

  stop(): void {
    this.leave()
  }
}

const pending = new Ring<Deadline>()

export function startDeadline(afterMs: number, passed: () => void): Deadline {
  if (timer === undefined) {
    lookedAt = performance.now()
    timer = setTimeout(look, PERIOD_MS)
  }
  const deadline = new Deadline(afterMs, passed)
  pending.join(deadline)
  return deadline
}

function look(): void {
  const now = performance.now()
  const elapsedMs = now - lookedAt
  const stood = elapsedMs > PERIOD_MS + LATE_MS
  aliveMs += Math.min(elapsedMs, PERIOD_MS + LATE_MS)
  lookedAt = now
  for (const deadline of pending.members()) {
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
  timer = pending.isEmpty ? undefined : setTimeout(look, PERIOD_MS)
}

function pass(deadline: Deadline): void {
  if (!deadline.isMember) return
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
