import { count } from '../../model/format.ts'
import { NO_CONTEXT, type PanelState } from '../../model/state.ts'
import { finding, nameOf, type Rule } from '../rule.ts'

/** Work outside of any request comes from a line that also runs inside of requests: their context was lost, possibly. */
export const contextLost: Rule = function* (state) {
  const outside = state.requests.get(NO_CONTEXT)
  if (!outside) return
  const lines = new Map<
    string,
    { times: number; firstAt: number; lastAt: number; engine: string; checkout: string }
  >()
  for (const { id, site, engine, askedAt, keptFor } of outside.checkouts) {
    if (site === null || keptFor !== null) continue
    const before = lines.get(site)
    lines.set(site, {
      firstAt: askedAt,
      engine,
      checkout: id,
      ...before,
      times: (before?.times ?? 0) + 1,
      lastAt: askedAt,
    })
  }
  for (const [site, request] of insideOf(state, lines)) {
    const { times, firstAt, lastAt, engine, checkout } = lines.get(site)!
    const inside = state.requests.get(request)
    // Before any request ran it: a start of the process, or a job.
    if (inside && lastAt < inside.startedAt) continue
    yield finding('context lost', site, {
      severity: 'warn',
      since: firstAt,
      lastSeen: lastAt,
      isOver: true,
      about: { engine, checkout, request: NO_CONTEXT },
      site,
      sentence: `${count(times, 'check-out')} of ${engine} at ${site} ran outside of any request, and the same line runs inside of ${nameOf(inside, request)}.`,
      why: 'Possibly the async context was lost on the way: in a callback, an event, or a queue made at start.',
    })
  }
}

/** By line: the first request that runs it. */
function insideOf(state: PanelState, lines: ReadonlyMap<string, unknown>): Map<string, string> {
  const inside = new Map<string, string>()
  for (const id of state.order) {
    if (id === NO_CONTEXT) continue
    for (const { site } of state.requests.get(id)?.checkouts ?? [])
      if (site !== null && lines.has(site) && !inside.has(site)) inside.set(site, id)
  }
  return inside
}
