import { count, duration } from '../../model/format.ts'
import { lanesOf, loadOf, shownPools } from '../../model/pool-load.ts'
import { laneStatus } from '../lane-status.ts'
import { finding, type Rule } from '../rule.ts'
import { holderOnLane, whyFull } from '../why-full.ts'
import { withoutStalls } from '../without-stalls.ts'

/** All connections of a pool are held, and something waits for one. */
export const poolFull: Rule = function* (state, _, now) {
  for (const { pool, engine } of shownPools(state)) {
    const { used, max, waiting } = loadOf(state, pool, now)
    const [first] = waiting
    if (!first || used < max) continue
    const waited = Math.max(...waiting.map(({ askedAt }) => withoutStalls(state.stalls, askedAt, now)))
    // They have waited for the event loop, and for nothing else.
    if (waited <= 0) continue
    const isOne = waiting.length === 1
    const holders = lanesOf(state, pool).flatMap(
      lane => holderOnLane(laneStatus(state, lane, false, now)) ?? [],
    )
    const asked = waiting.map(({ request }) => request)
    yield finding('pool full', pool.id, {
      severity: 'bad',
      since: first.askedAt,
      about: { engine: pool.engine, pool: pool.id, checkout: first.id, request: first.request },
      site: first.site,
      sentence:
        engine.mode === 'borrowed'
          ? `${count(waiting.length, 'borrower')} of ${pool.engine} ${isOne ? 'waits' : 'wait'} for the connection of the host.`
          : `${pool.engine} has no free connection: ${used} of ${max} are held, ${count(waiting.length, 'request')} ${isOne ? 'waits' : 'wait'}.`,
      why: `${whyFull(holders, asked)} The longest has waited ${duration(waited)}.`,
      afterwards: {
        sentence: `${pool.engine} had no free connection: ${used} of ${max} were held, ${count(waiting.length, 'request')} waited, ${duration(waited)} or longer.`,
      },
    })
  }
}
