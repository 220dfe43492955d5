import { duration } from '../../model/format.ts'
import type { PanelState, Checkout } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { limitsOf, type Thresholds } from '../thresholds.ts'
import { holderOf, whyFull } from '../why-full.ts'
import { stalledMs } from '../without-stalls.ts'

/** A request asked for a connection and got none. */
export const checkOutFailed: RequestRule = function* (request, thresholds, _, stalls) {
  for (const checkout of request.checkouts) {
    if (checkout.state !== 'failed') continue
    const { id, engine, pool, session, site, askedAt, failure } = checkout
    const waited = (checkout.endedAt ?? askedAt) - askedAt
    yield finding('check-out failed', id, {
      severity: 'bad',
      since: checkout.endedAt ?? askedAt,
      about: { engine, pool, checkout: id, request: request.id, session: session ?? undefined },
      site,
      sentence: `${nameOf(request, request.id)} waited ${duration(waited)} for a connection of ${engine} and got none.`,
      why: failure && whyFailed(checkout, failure, thresholds, stalls),
    })
  }
}

/** Why a check-out failed: by the holders of that moment, unless the event loop let its time run out. */
function whyFailed(
  { engine, askedAt, endedAt, request }: Checkout,
  { message, holders }: NonNullable<Checkout['failure']>,
  thresholds: Thresholds,
  stalls: PanelState['stalls'],
): string {
  const to = endedAt ?? askedAt
  const stalled = stalledMs(stalls, askedAt, to)
  if (stalled > 0 && to - askedAt - stalled < limitsOf(thresholds, engine).checkoutTimeoutMs)
    return `The event loop stood still for ${duration(stalled)} of that.`
  return holders.length > 0 ? whyFull(holders.map(holderOf), [request]) : message
}
