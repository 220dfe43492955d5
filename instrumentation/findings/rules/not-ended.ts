import { count, duration } from '../../model/format.ts'
import type { Checkout } from '../../model/state.ts'
import { finding, nameOf, takenAt, type Rule } from '../rule.ts'
import { withoutStalls } from '../without-stalls.ts'

const AFTER_MS = 1_000

/** An engine was closed, or its pool replaced, and connections of that pool are still held. */
export const notEnded: Rule = function* (state, _, now) {
  for (const pool of state.pools.values()) {
    if (!pool.retired) continue
    const held = [...state.checkouts.values()].filter(
      (it): it is Checkout & { acquiredAt: number } =>
        it.pool === pool.id && it.state === 'held' && it.acquiredAt !== null,
    )
    const [first] = held
    if (!first) continue
    const since = pool.retiredAt ?? first.acquiredAt
    const late = withoutStalls(state.stalls, since, now)
    if (late < AFTER_MS) continue
    const who = nameOf(state.requests.get(first.request), first.request)
    const isClosed = state.engines.get(pool.engine)?.closed === true
    const what = isClosed ? `${pool.engine} is closed` : `The pool ${pool.id} was replaced`
    const rest = (is: string) =>
      `${count(held.length, 'connection')} of it ${held.length === 1 ? is : is === 'is' ? 'are' : 'were'} still held after ${duration(late)}, one by ${who}${takenAt(first)}`
    yield finding('not ended', pool.id, {
      severity: 'warn',
      since,
      about: {
        engine: pool.engine,
        pool: pool.id,
        checkout: first.id,
        connection: first.connection ?? undefined,
        request: first.request,
      },
      site: first.site,
      sentence: `${what}, and ${rest('is')}.`,
      why: 'It ends when they are given back.',
      afterwards: { sentence: `${what}, and ${rest('was')}.` },
    })
  }
}
