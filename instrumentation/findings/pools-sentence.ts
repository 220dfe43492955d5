import { count } from '../model/format.ts'
import { loadOf, shownPools } from '../model/pool-load.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'

/** All pools in one sentence: who waits, and how many connections are held. */
export function poolsSentence(state: PanelState, now: Time): string {
  let waiting = 0
  let used = 0
  let max = 0
  for (const { pool, engine } of shownPools(state)) {
    const load = loadOf(state, pool, now)
    waiting += load.waiting.length
    // A borrowed connection belongs to its host, and is counted there.
    if (engine.mode === 'borrowed') continue
    used += load.used
    max += pool.max
  }
  const waits =
    waiting === 0 ? 'Nothing waits' : `${count(waiting, 'check-out')} ${waiting === 1 ? 'waits' : 'wait'}`
  return `${waits} for a connection; ${used} of ${max} are held.`
}
