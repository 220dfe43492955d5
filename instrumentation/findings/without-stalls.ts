import type { PanelState } from '../model/state.ts'
import type { Time } from '../model/rows.ts'

type Stalls = PanelState['stalls']

/** How much of the time from `from` to `to` the event loop stood still. */
export function stalledMs(stalls: Stalls, from: Time, to: Time): number {
  let sum = 0
  for (const { endedAt, stalledMs: length } of stalls.values())
    sum += Math.max(0, Math.min(endedAt, to) - Math.max(endedAt - length, from))
  return sum
}

/** The time from `from` to `to` that counts: while the loop stood still, neither a holder nor a server could do better. */
export const withoutStalls = (stalls: Stalls, from: Time, to: Time): number =>
  Math.max(0, to - from - stalledMs(stalls, from, to))
