import { setTimeout as sleep } from 'node:timers/promises'
import { RELEASE_MS } from '../findings/thresholds.ts'
import { isLeaking } from '../findings/rules/leak.ts'
import { isSettled } from '../findings/outcome.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'
import { heldSince } from './still-held.ts'
import type { Witness } from './witness.ts'

const LOOK_MS = 10
/** Longer than a release may take, so that a leak is one by its own rule. */
const MOST_LOOKS = (RELEASE_MS * 2) / LOOK_MS

/**
 * Waits until what began after `since` is over and has given back what it took. A client has its answer before the
 * request ends. What does not end in time is judged as it is.
 */
export async function settle(witness: Witness, since: Time): Promise<void> {
  const from = performance.now()
  // By number, because a test may have stopped the clock.
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const now = performance.now()
    if (!isUnderWay(witness.state(), since, from, now)) return
    await sleep(LOOK_MS)
  }
}

function isUnderWay(state: PanelState, since: Time, from: Time, now: Time): boolean {
  const isInTime = now - from <= RELEASE_MS
  for (const request of state.requests.values()) {
    if (request.kind === 'no context') continue
    if (request.endedAt === null) {
      if (isInTime && request.startedAt >= since) return true
    } else if (!isSettled(request) && !isLeaking(request, now, state.stalls)) return true
  }
  return isInTime && !heldSince(state, since)[Symbol.iterator]().next().done
}
