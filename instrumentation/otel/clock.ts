import type { HrTime } from '@opentelemetry/api'

/** If the two clocks differ by more than this, the wall clock was set or the machine slept. */
const TOLERANCE_MS = 20

const LOOK_EVERY_MS = 1_000

let origin = performance.timeOrigin
let lookedAt = 0

/**
 * The wall time of a message's `at` (`performance.now()` in milliseconds). Node's monotonic clock stops while a laptop
 * sleeps, and our spans must lie inside HTTP spans that were made with `Date.now()`. So the origin follows the wall
 * clock when the two have drifted apart. Checked once a second.
 */
export function wallTime(at: number): HrTime {
  if (Math.abs(at - lookedAt) > LOOK_EVERY_MS) {
    lookedAt = at
    const now = Date.now()
    const monotonic = performance.now()
    if (Math.abs(now - (origin + monotonic)) > TOLERANCE_MS) origin = now - monotonic
  }
  return toHrTime(origin + at)
}

function toHrTime(epochMs: number): HrTime {
  let seconds = Math.trunc(epochMs / 1000)
  let nanoseconds = Math.round((epochMs - seconds * 1000) * 1e6)
  if (nanoseconds >= 1e9) {
    seconds += 1
    nanoseconds -= 1e9
  }
  return [seconds, nanoseconds]
}
