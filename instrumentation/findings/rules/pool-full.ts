import { groupBy } from '../../model/group-by.ts'
import { count, duration } from '../../model/format.ts'
import { lanesOf, loadOf, shownPools } from '../../model/pool-load.ts'
import type { Checkout, PanelState } from '../../model/state.ts'
import { laneStatus } from '../lane-status.ts'
import { finding, nameOf, takenAt, type Judged, type Rule } from '../rule.ts'
import { holderOnLane, whyFull } from '../why-full.ts'
import { withoutStalls } from '../without-stalls.ts'

/** A wait that is over is worth telling from here on. */
const WAITED_MS = 250
/** Each costs a look at all holds that are kept. */
const LOOKED_AT = 3

/** All connections of a pool are held, and something waits for one; or did. */
export const poolFull: Rule = function* (state, _, now) {
  const waits = longWaits(state)
  for (const { pool, engine } of shownPools(state)) {
    const { used, max, waiting } = loadOf(state, pool, now)
    const [first] = waiting
    const waited = Math.max(0, ...waiting.map(({ askedAt }) => withoutStalls(state.stalls, askedAt, now)))
    // Without one, they have waited for the event loop and for nothing else.
    if (!first || used < max || waited <= 0) {
      const last = waits
        .get(pool.id)
        ?.slice(-LOOKED_AT)
        .findLast(wait => wasFull(state, wait, pool.max))
      if (last && engine.mode !== 'borrowed') yield toldOf(state, last, pool.max)
      continue
    }
    const isOne = waiting.length === 1
    const holders = lanesOf(state, pool).flatMap(
      lane => holderOnLane(laneStatus(state, lane, false, now)) ?? [],
    )
    const waiters = waiting.map(({ request }) => request)
    const which = engine.mode === 'borrowed' ? 'borrower' : 'request'
    const is = `${used} of ${max} are held, ${count(waiting.length, which)} ${isOne ? 'waits' : 'wait'}`
    yield finding('pool full', pool.id, {
      severity: 'bad',
      since: first.askedAt,
      about: { engine: pool.engine, pool: pool.id, checkout: first.id, request: first.request },
      site: first.site,
      sentence:
        engine.mode === 'borrowed'
          ? `${count(waiting.length, 'borrower')} of ${pool.engine} ${isOne ? 'waits' : 'wait'} for the connection of the host.`
          : `${pool.engine} has no free connection: ${is}.`,
      why: `${whyFull({ holders, waiters, tense: 'now' })} The longest has waited ${duration(waited)}.`,
      afterwards: {
        sentence:
          engine.mode === 'borrowed'
            ? `${count(waiting.length, 'borrower')} of ${pool.engine} waited for the connection of the host.`
            : `${pool.engine} had no free connection: ${used} of ${max} were held, and ${count(waiting.length, 'request')} waited.`,
        why: `${whyFull({ holders, waiters, tense: 'then' })} The longest waited ${duration(waited)} or longer.`,
      },
    })
  }
}

/** The long waits that ended with a connection, by pool. */
function longWaits(state: PanelState): ReadonlyMap<string, Checkout[]> {
  const long: Checkout[] = []
  for (const request of state.requests.values())
    for (const checkout of request.checkouts) {
      const { askedAt, acquiredAt } = checkout
      if (acquiredAt === null || acquiredAt - askedAt < WAITED_MS) continue
      if (withoutStalls(state.stalls, askedAt, acquiredAt) >= WAITED_MS) long.push(checkout)
    }
  return groupBy(
    long.sort((a, b) => a.acquiredAt! - b.acquiredAt!),
    checkout => checkout.pool,
  )
}

/** Whether it waited because all were held, as far as the rows tell, and not for one to be opened. */
function wasFull(state: PanelState, { id, pool, askedAt, acquiredAt }: Checkout, max: number): boolean {
  const middle = (askedAt + acquiredAt!) / 2
  let held = 0
  for (const request of state.requests.values())
    for (const other of request.checkouts)
      if (
        other.pool === pool &&
        other.id !== id &&
        other.acquiredAt !== null &&
        other.acquiredAt <= middle &&
        (other.endedAt ?? Infinity) > middle
      )
        held++
  return held >= max
}

function toldOf(state: PanelState, checkout: Checkout, max: number): Judged {
  const { id, engine, pool, request, site, askedAt, acquiredAt } = checkout
  const who = nameOf(state.requests.get(request), request)
  return finding('pool full', pool, {
    severity: 'warn',
    since: askedAt,
    lastSeen: acquiredAt!,
    isOver: true,
    about: { engine, pool, checkout: id, request },
    site,
    sentence: `${engine} had no free connection: all ${max} were held, and ${who} waited ${duration(acquiredAt! - askedAt)}${takenAt(checkout).replace('taken', 'asked for')}.`,
  })
}
