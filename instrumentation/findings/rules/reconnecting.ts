import { count } from '../../model/format.ts'
import { shownPools } from '../../model/pool-load.ts'
import type { Connection } from '../../model/state.ts'
import { finding, type Rule } from '../rule.ts'

const WITHIN_MS = 60_000
/** A pool that is filled, emptied for being idle, and filled again, opens no more than these in a minute. */
const AT_LEAST = 20
const TIMES_MAX = 4

/** A pool opens its connections again and again: each costs a round trip and a process of the server. */
export const reconnecting: Rule = function* (state, _, now) {
  for (const { pool, engine } of shownPools(state)) {
    if (pool.retired || engine.mode === 'borrowed') continue
    const opened = [...state.connections.values()].filter(
      it => it.pool === pool.id && now - it.connectedAt < WITHIN_MS,
    )
    if (opened.length < Math.max(AT_LEAST, TIMES_MAX * pool.max)) continue
    const closed = opened.filter(({ disconnected }) => disconnected !== null)
    const reason = commonest(closed)
    yield finding('reconnecting', pool.id, {
      severity: 'warn',
      since: opened[0]!.connectedAt,
      about: { engine: engine.engine, pool: pool.id, connection: opened.at(-1)!.id },
      sentence: `${engine.engine} opened ${count(opened.length, 'connection')} in the last minute, for a pool of ${pool.max}.`,
      why: reason && `${closed.length} of them are closed again, most often: ${reason}.`,
      afterwards: {
        sentence: `${engine.engine} opened ${count(opened.length, 'connection')} within a minute, for a pool of ${pool.max}.`,
      },
    })
  }
}

function commonest(closed: readonly Connection[]): string | null {
  const times = new Map<string, number>()
  for (const { disconnected } of closed)
    if (disconnected) times.set(disconnected.reason, (times.get(disconnected.reason) ?? 0) + 1)
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}
