import { duration } from '../../model/format.ts'
import { finding, nameOf, takenAt, type Rule } from '../rule.ts'
import { limitsOf } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'
import { leakedMs } from './leak.ts'

/** A connection is held for longer than its engine allows, and not by design. */
export const overdue: Rule = function* (state, thresholds, now) {
  for (const checkout of state.checkouts.values()) {
    const { id, engine, pool, connection, session, site, countsFrom, keptFor } = checkout
    if (checkout.state !== 'held' || countsFrom === null || keptFor !== null) continue
    const request = state.requests.get(checkout.request)
    const held = withoutStalls(state.stalls, countsFrom, now)
    const { heldTooLongMs } = limitsOf(thresholds, engine)
    const isTold = checkout.overdue !== null && checkout.overdue.state !== 'idle in transaction'
    if (held < heldTooLongMs && !isTold) continue
    // A leak, or a transaction with nothing to do, says more.
    if (leakedMs(checkout, request ?? null, now, state.stalls, thresholds.releaseMs) !== null) continue
    const open = state.connections.get(connection ?? '')
    if (open?.transaction != null && open.running.length === 0) continue
    yield finding('overdue', id, {
      severity: 'warn',
      since: countsFrom,
      about: {
        engine,
        pool,
        checkout: id,
        connection: connection ?? undefined,
        request: checkout.request,
        session: session ?? undefined,
      },
      site,
      sentence: `${nameOf(request, checkout.request)} holds a connection of ${engine} for ${duration(held)}${takenAt(checkout)}.`,
      why: `The engine allows ${duration(heldTooLongMs)} (heldWarningMs).`,
    })
  }
}
