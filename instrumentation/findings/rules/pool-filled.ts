import { groupBy } from '../../model/group-by.ts'
import { count } from '../../model/format.ts'
import type { Checkout } from '../../model/state.ts'
import { mostAtOnce } from '../../model/union-of.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** One request held all connections of a pool at once: others could have none. */
export const poolFilled: RequestRule = function* (request, _, now, { pools, engines }) {
  if (request.kind === 'no context') return
  for (const [pool, checkouts] of groupBy(request.checkouts, checkout => checkout.pool)) {
    const max = pools.get(pool)?.max ?? Infinity
    const [first] = checkouts
    // Each request fills a pool of one.
    if (!first || max < 2 || checkouts.length < max || engines.get(first.engine)?.mode === 'borrowed')
      continue
    const held = checkouts.filter(({ acquiredAt }) => acquiredAt !== null)
    const most = mostAtOnce(
      held.map(({ acquiredAt, endedAt }) => ({ from: acquiredAt!, to: endedAt ?? now })),
    )
    if (most.count < max) continue
    const site = commonest(checkouts)
    yield finding('pool filled', `${request.id} ${pool}`, {
      severity: 'warn',
      since: most.at,
      about: { engine: first.engine, pool, request: request.id, checkout: first.id },
      site,
      sentence: `${nameOf(request, request.id)} took all ${max} connections of ${first.engine} at once, for ${count(checkouts.length, 'check-out')}${site ? `, most of them at ${site}` : ''}.`,
      why: 'Meanwhile no other request could have one. In a session, statements share a connection.',
    })
  }
}

function commonest(checkouts: readonly Checkout[]): string | null {
  const times = new Map<string, number>()
  for (const { site } of checkouts) if (site !== null) times.set(site, (times.get(site) ?? 0) + 1)
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}
