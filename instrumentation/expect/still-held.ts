import { finding, nameOf, takenAt } from '../findings/rule.ts'
import type { Finding } from '../model/finding.ts'
import type { Time } from '../model/rows.ts'
import type { Checkout, PanelState } from '../model/state.ts'

/** What was checked out after `since`, and is held by no design. */
export function* heldSince(state: PanelState, since: Time): Iterable<Checkout> {
  for (const checkout of state.checkouts.values())
    if (checkout.state === 'held' && checkout.keptFor === null && checkout.askedAt >= since) yield checkout
}

/** A test is over, and a connection that was taken in it is held. It needs no request that has ended. */
export function* stillHeld(state: PanelState, since: Time): Iterable<Finding> {
  for (const checkout of heldSince(state, since)) {
    const { id, engine, pool, connection, session, site, request } = checkout
    const who = nameOf(state.requests.get(request), request)
    yield finding('leak', id, {
      severity: 'bad',
      since: checkout.askedAt,
      about: {
        engine,
        pool,
        request,
        checkout: id,
        connection: connection ?? undefined,
        session: session ?? undefined,
      },
      site,
      sentence: `The test has ended, and ${who.replace(/^Work/, 'work')} still holds a connection of ${engine}${takenAt(checkout)}.`,
      why: 'Others cannot have it, and what is open on it stays locked, until its code gives it back.',
    })
  }
}
