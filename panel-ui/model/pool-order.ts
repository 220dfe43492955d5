import type { Finding, Severity } from '../../instrumentation/model/finding.ts'
import { loadOf } from '../../instrumentation/model/pool-load.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { PanelState, Pool } from '../../instrumentation/model/state.ts'
import { BOARD_MS } from './quiet-lane.ts'

type Trouble = Exclude<Severity, 'note'>
const RANK: Record<Trouble, number> = { bad: 0, warn: 1 }

/**
 * The worst that was found of a pool while the lanes show it; null if there is nothing. What is over counts for as long
 * as it can be seen on a lane, so that a pool does not jump to and fro with each waiter.
 */
export function troubleOf(pool: string, findings: readonly Finding[], now: Time): Trouble | null {
  let worst: Trouble | null = null
  for (const { about, severity, isOver, lastSeen } of findings) {
    if (about.pool !== pool || severity === 'note' || (isOver && lastSeen < now - BOARD_MS)) continue
    if (severity === 'bad') return severity
    worst = severity
  }
  return worst
}

/** Those with the worst trouble first; equals keep their order. */
export function worstFirst<P extends { readonly pool: Pool }>(
  pools: readonly P[],
  state: PanelState,
  findings: readonly Finding[],
  now: Time,
): P[] {
  const rankOf = ({ pool }: P) => {
    const { used, max, waiting } = loadOf(state, pool, now)
    // The rows tell of a full pool up to a second before the process judges it.
    const trouble = waiting.length > 0 && used >= max ? 'bad' : troubleOf(pool.id, findings, now)
    return trouble === null ? 2 : RANK[trouble]
  }
  const ranks = new Map(pools.map(pool => [pool, rankOf(pool)]))
  return pools.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!)
}
