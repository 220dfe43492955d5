import { channels } from '../channels/channels.ts'

const PERIOD_MS = 250
/** While something listens to stalls: one is measured to this, because it may have begun right after a beat. */
const OBSERVED_PERIOD_MS = 50
/** Less than this is normal: a garbage collection, the loading of a module. */
const STALL_MS = 100
/** For a longer time than these cover, the answer is too small, never too large. */
const STALLS_KEPT = 200

/** A time in which the event loop was blocked: no answer was read, no timer ran. */
interface Stall {
  readonly endedAt: number
  readonly stalledMs: number
}

const listeners = new Set<() => void>()
const stalls: Stall[] = []
let timer: NodeJS.Timeout | undefined
let dueAt = 0
let calledAt = 0

/**
 * Calls `listener` four times a second while the event loop runs, until the returned function is called. The heartbeat
 * measures its own lateness: a late one means that the loop was blocked, which is published on the channel and
 * remembered for `stalledSince`. Keeps no process alive.
 */
export function onHeartbeat(listener: () => void): () => void {
  listeners.add(listener)
  if (!timer) {
    calledAt = performance.now()
    arm(calledAt)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearTimeout(timer)
    timer = undefined
  }
}

function arm(now: number): void {
  const periodMs = channels.process.hasSubscribers ? OBSERVED_PERIOD_MS : PERIOD_MS
  dueAt = now + periodMs
  timer = setTimeout(beat, periodMs).unref()
}

function beat(): void {
  const at = performance.now()
  const stalledMs = at - dueAt
  arm(at)
  if (stalledMs >= STALL_MS) {
    stalls.push({ endedAt: at, stalledMs })
    if (stalls.length > STALLS_KEPT) stalls.shift()
    if (channels.process.hasSubscribers) channels.process.publish({ phase: 'stalled', at, stalledMs })
  }
  if (at - calledAt < PERIOD_MS - OBSERVED_PERIOD_MS / 2) return
  calledAt = at
  for (const listener of listeners) listener()
}

/**
 * How many milliseconds the event loop was blocked since `from`, as the heartbeat saw it: accurate to its period, and 0
 * while no engine is open.
 */
export function stalledSince(from: number): number {
  const now = performance.now()
  let sum = 0
  for (const { endedAt, stalledMs } of stalls) {
    if (endedAt > from) sum += Math.min(stalledMs, endedAt - from)
  }
  // A blockage that is over but whose late heartbeat is still to come.
  const lateMs = timer ? now - dueAt : 0
  if (lateMs >= STALL_MS) sum += Math.min(lateMs, now - from)
  return sum
}
