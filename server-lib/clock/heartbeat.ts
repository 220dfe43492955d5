import { channels } from '../channels/channels.ts'

const PERIOD_MS = 250
/** Less is everyday life: a garbage collection, a module that is loaded. */
const STALL_MS = 100
/** Who asks about a longer time than these cover is told less than there was, never more. */
const STALLS_KEPT = 200

/** A time in which the event loop served nobody: no answer was read, no timer ran. */
interface Stall {
  readonly endedAt: number
  readonly stalledMs: number
}

const listeners = new Set<() => void>()
const stalls: Stall[] = []
let timer: NodeJS.Timeout | undefined
let lastAt = 0

/**
 * Calls `listener` four times a second as long as the event loop turns, until the returned function is called. The
 * heartbeat measures its own lateness: a late one means that the loop stood still, which is told on the channel and
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
 * For how many milliseconds the event loop has stood still since then, as far as the heartbeat saw: to its period
 * exactly, and 0 while no engine is open.
 */
export function stalledSince(from: number): number {
  const now = performance.now()
  let sum = 0
  for (const { endedAt, stalledMs } of stalls) {
    if (endedAt > from) sum += Math.min(stalledMs, endedAt - from)
  }
  // One that is over and whose late heartbeat is yet to come.
  const lateMs = timer ? now - lastAt - PERIOD_MS : 0
  if (lateMs >= STALL_MS) sum += Math.min(lateMs, now - from)
  return sum
}
