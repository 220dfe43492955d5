import { duration } from '../../model/format.ts'
import { lanesOf, otherOwners, shownPools } from '../../model/pool-load.ts'
import { finding, nameOf, takenAt, type Rule } from '../rule.ts'
import { limitsOf } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'
import { leakedMs } from './leak.ts'

/** A transaction is open, and its connection has had nothing to do for a while. */
export const idleInTransaction: Rule = function* (state, thresholds, now) {
  for (const { pool, engine } of shownPools(state)) {
    const limits = limitsOf(thresholds, pool.engine)
    for (const lane of lanesOf(state, pool)) {
      const last = lane?.segments.at(-1)
      const connection = lane?.connection ? state.connections.get(lane.connection) : undefined
      if (last?.phase !== 'idle in transaction' || last.to !== null || !connection) continue
      const idle = withoutStalls(state.stalls, last.from, now)
      if (idle < limits.idleInTransactionMs) continue
      // A borrowed connection is its host's, and is told there if the host is watched.
      if (engine.mode === 'borrowed' && otherOwners(state, connection).length > 0) continue
      const checkout = state.checkouts.get(lane?.checkout ?? '')
      const request = state.requests.get(checkout?.request ?? '')
      // A leak says more.
      if (checkout && leakedMs(checkout, request ?? null, now, state.stalls, thresholds.releaseMs) !== null)
        continue
      const who = checkout ? nameOf(request, checkout.request) : 'A connection that nothing holds'
      yield finding('idle in transaction', connection.transaction ?? connection.id, {
        severity: idle >= limits.idleTooLongMs ? 'bad' : 'warn',
        since: last.from,
        about: {
          engine: pool.engine,
          pool: pool.id,
          connection: connection.id,
          checkout: checkout?.id,
          request: checkout?.request,
          session: checkout?.session ?? undefined,
          transaction: connection.transaction ?? undefined,
        },
        site: checkout?.site ?? null,
        sentence: `${who} sits idle in a transaction of ${pool.engine} for ${duration(idle)}${takenAt(checkout)}.`,
        why: 'The application does something else while a transaction is open: others cannot have the connection, and rows stay locked.',
      })
    }
  }
}
