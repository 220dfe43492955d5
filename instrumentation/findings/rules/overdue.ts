import { duration } from '../../model/format.ts'
import type { Checkout, PanelState } from '../../model/state.ts'
import { finding, nameOf, takenAt, type Judged, type Rule } from '../rule.ts'
import { limitsOf, type Thresholds } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'
import { leakedMs } from './leak.ts'

/** A connection is held for longer than its engine allows, and not by design; or was. */
export const overdue: Rule = function* (state, thresholds, now) {
  for (const checkout of state.checkouts.values()) {
    const { connection, countsFrom, keptFor } = checkout
    if (checkout.state !== 'held' || countsFrom === null || keptFor !== null) continue
    const request = state.requests.get(checkout.request)
    const held = withoutStalls(state.stalls, countsFrom, now)
    if (held < limitsOf(thresholds, checkout.engine).heldTooLongMs && !isTold(checkout)) continue
    // A leak, or a transaction with nothing to do, says more.
    if (leakedMs(checkout, request ?? null, now, state.stalls, thresholds.releaseMs) !== null) continue
    const open = state.connections.get(connection ?? '')
    if (open?.transaction != null && open.running.length === 0) continue
    yield toldOf(state, thresholds, checkout, countsFrom, held, false)
  }
  // The library told of them while they lasted, whether or not anything watched.
  for (const request of state.requests.values())
    for (const checkout of request.checkouts) {
      const { endedAt, countsFrom } = checkout
      if (!isTold(checkout) || endedAt === null || countsFrom === null) continue
      // One that was given back after its request had ended is told as that.
      if (endedAt - (request.endedAt ?? endedAt) > thresholds.releaseMs) continue
      yield toldOf(state, thresholds, checkout, countsFrom, endedAt - countsFrom, true)
    }
}

const isTold = ({ overdue: told }: Checkout) => told !== null && told.state !== 'idle in transaction'

function toldOf(
  state: PanelState,
  thresholds: Thresholds,
  checkout: Checkout,
  since: number,
  held: number,
  isOver: boolean,
): Judged {
  const { id, engine, pool, connection, session, site, endedAt } = checkout
  const who = nameOf(state.requests.get(checkout.request), checkout.request)
  const what = `a connection of ${engine} for ${duration(held)}`
  return finding('overdue', id, {
    severity: 'warn',
    since,
    lastSeen: endedAt ?? since,
    isOver,
    about: {
      engine,
      pool,
      checkout: id,
      connection: connection ?? undefined,
      request: checkout.request,
      session: session ?? undefined,
    },
    site,
    sentence: `${who} ${isOver ? 'held' : 'holds'} ${what}${takenAt(checkout)}.`,
    why: `The engine allows ${duration(limitsOf(thresholds, engine).heldTooLongMs)} (heldWarningMs).`,
    afterwards: {
      sentence: `${who} held ${what} or longer${takenAt(checkout)}.`,
      why: `The engine allows ${duration(limitsOf(thresholds, engine).heldTooLongMs)} (heldWarningMs).`,
    },
  })
}
