import type { Time } from '../../instrumentation/model/rows.ts'
import type { Lane } from '../../instrumentation/model/state.ts'

/** How far back a lane shows. */
export const BOARD_MS = 10_000

/** Nothing has held this slot for as long as its lane could show: it needs no line of its own. */
export function isQuiet(lane: Lane | undefined, now: Time): boolean {
  if (!lane) return true
  // From the newest back: the first that is no longer in sight ends the search.
  for (let i = lane.segments.length - 1; i >= 0; i--) {
    const { phase, to } = lane.segments[i]!
    if (to !== null && to < now - BOARD_MS) return true
    if (phase !== 'free') return false
  }
  return true
}
