/** Later than this the timer was not late, the event loop stood still. */
const LATE_MS = 50
/** The loop is looked at this often, or twenty times in a long wait. */
const SLICE_MS = 100

/**
 * A deadline in the time that the event loop was alive. While the loop stands still nothing that came can be served,
 * so that time is not counted: the answers that wait in the sockets are read before anybody calls them late.
 */
export function startDeadline(afterMs: number, passed: () => void): { stop(): void } {
  const slice = Math.max(SLICE_MS, Math.ceil(afterMs / 20))
  let left = afterMs
  let isOvertime = false
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined

  const wait = (ms: number) => {
    const due = performance.now() + ms
    timer = setTimeout(() => {
      // Timers count whole milliseconds and can be a part of one early: what is missing is waited for.
      const lateMs = performance.now() - due
      const stood = lateMs > LATE_MS
      left -= stood ? ms : ms + lateMs
      if (left > 0) return wait(Math.min(left, slice))
      // The loop stood still until now: who needs more than one round trip gets the time for them, once.
      if (stood && !isOvertime) {
        isOvertime = true
        return wait(Math.min(afterMs, slice))
      }
      // One turn of the loop, in which it reads what has come.
      immediate = setImmediate(passed)
    }, ms)
  }
  wait(Math.min(left, slice))
  return {
    stop() {
      clearTimeout(timer)
      if (immediate) clearImmediate(immediate)
    },
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
