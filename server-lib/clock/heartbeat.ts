import { channels } from '../channels/channels.ts'

const PERIOD_MS = 250
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
let lastAt = 0

/**
 * Calls `listener` four times a second while the event loop runs, until the returned function is called. The heartbeat
 * measures its own lateness: a late one means that the loop was blocked, which is published on the channel and
 * remembered for `stalledSince`. Keeps no process alive.
 */
export function onHeartbeat(listener: () => void): () => void {
  listeners.add(listener)
  if (!timer) {
    lastAt = performance.now()
    timer = setInterval(beat, PERIOD_MS)
    timer.unref()
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

function beat(): void {
  const at = performance.now()
  const stalledMs = at - lastAt - PERIOD_MS
  lastAt = at
  if (stalledMs >= STALL_MS) {
    stalls.push({ endedAt: at, stalledMs })
    if (stalls.length > STALLS_KEPT) stalls.shift()
    if (channels.process.hasSubscribers) channels.process.publish({ phase: 'stalled', at, stalledMs })
  }
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
  const lateMs = timer ? now - lastAt - PERIOD_MS : 0
  if (lateMs >= STALL_MS) sum += Math.min(lateMs, now - from)
  return sum
}
