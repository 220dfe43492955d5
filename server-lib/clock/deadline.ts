import { Linked, Ring } from './ring.ts'

/** How often deadlines are checked, and so how late one can pass. */
const PERIOD_MS = 20
/** A timer later than this means that the event loop was blocked. */
const LATE_MS = 80
/** Extra time after a blocked loop, once for each deadline: its work may need more than one round trip. */
const OVERTIME_MS = 100

let timer: NodeJS.Timeout | undefined
let lookedAt = 0
/** How long the event loop has run, in milliseconds, as of `lookedAt`. */
let aliveMs = 0

/**
 * A deadline in the time that the event loop runs. While the loop is blocked, no answer can be read, so that time does
 * not count: answers waiting in the sockets are read before the deadline passes.
 *
 * Deadlines hardly ever pass, but several are set for each unit of work. So one timer checks them all: a Node timer for
 * each costs more than the rest of a check-out. They are linked in a ring, which needs no allocation.
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
    // After one more turn of the loop, which reads what has arrived.
    setImmediate(pass, deadline)
  }
  // The timer is not cleared when the last deadline is stopped: the next one is usually near.
  timer = pending.isEmpty ? undefined : setTimeout(look, PERIOD_MS)
}

function pass(deadline: Deadline): void {
  if (!deadline.isMember) return
  deadline.stop()
  deadline.passed()
}

/** Waits for the promise, up to `afterMs`. Resolves to whether it settled in time. Rejects as the promise does. */
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
