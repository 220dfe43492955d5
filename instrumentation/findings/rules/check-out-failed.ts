import { duration } from '../../model/format.ts'
import type { HolderFacts } from '../../model/holder.ts'
import type { Time } from '../../model/rows.ts'
import type { Checkout } from '../../model/state.ts'
import { finding, nameOf, type Around, type RequestRule } from '../rule.ts'
import { limitsOf, type Thresholds } from '../thresholds.ts'
import { holderOf, whyFull } from '../why-full.ts'
import { stalledMs, withoutStalls } from '../without-stalls.ts'

/** A request asked for a connection and got none. */
export const checkOutFailed: RequestRule = function* (request, thresholds, _, around) {
  for (const checkout of request.checkouts) {
    if (checkout.state !== 'failed') continue
    const { id, engine, pool, session, site, askedAt, failure } = checkout
    const endedAt = checkout.endedAt ?? askedAt
    yield finding('check-out failed', id, {
      severity: 'bad',
      since: endedAt,
      about: { engine, pool, checkout: id, request: request.id, session: session ?? undefined },
      site,
      sentence: `${nameOf(request, request.id)} waited ${duration(endedAt - askedAt)} for a connection of ${engine} and got none.`,
      why: failure && whyFailed(checkout, failure, thresholds, around),
    })
  }
}

/** Why a check-out failed: by the holders of that moment, unless something else let its time run out. */
function whyFailed(
  { engine, askedAt, endedAt, request }: Checkout,
  { code, message, holders }: NonNullable<Checkout['failure']>,
  thresholds: Thresholds,
  around: Around,
): string {
  const to = endedAt ?? askedAt
  const stalled = stalledMs(around.stalls, askedAt, to)
  if (stalled > 0 && to - askedAt - stalled < limitsOf(thresholds, engine).checkoutTimeoutMs)
    return `The event loop stood still for ${duration(stalled)} of that.`
  if (holders.length === 0) return message
  const refused = around.engines.get(engine)?.lastConnectError
  const wasRefused = refused != null && refused.at >= askedAt && refused.at <= to
  if (wasRefused || code === 'EL_CHECKOUT_FAILED')
    return `There was room for another connection, but none could be opened: ${wasRefused ? refused.message : message}`
  const seen = holders.map(holder => holderOf(holder, leakedAt(holder, to, thresholds, around)))
  return whyFull({ holders: seen, waiters: [request], tense: 'then' })
}

/** How long before that moment the holder's request had ended, if that was long enough to call it a leak. */
function leakedAt(
  { request, keptFor }: HolderFacts,
  at: Time,
  { releaseMs }: Thresholds,
  { requests, stalls }: Around,
): number | null {
  const endedAt = requests.get(request ?? '')?.endedAt ?? null
  if (endedAt === null || keptFor !== null) return null
  return withoutStalls(stalls, endedAt, at) > releaseMs ? at - endedAt : null
}
