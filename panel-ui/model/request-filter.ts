import type { Time } from '../../instrumentation/model/rows.ts'
import { isSettled, outcomeOf } from '../../instrumentation/findings/outcome.ts'
import { isLeaking } from '../../instrumentation/findings/rules/leak.ts'
import { lateRelease } from '../../instrumentation/findings/rules/outlived.ts'
import { groupsOf } from '../../instrumentation/findings/similar.ts'
import { duplicatesIn } from '../../instrumentation/model/request-queries.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { engineKey, readFilter, slowKey, type Filter, type Grammar } from './filter.ts'

/** With this word the list shows one line for all requests of a route. */
export const BY_ROUTE = 'by-route'

/** Any other word is searched for in the label, the id, the statements and the lines of code. */
export const REQUESTS: Grammar<Request> = {
  keys: {
    engine: engineKey(request => request.checkouts.map(checkout => checkout.engine)),
    status: {
      test: value =>
        /^[1-5][0-9x]{0,2}$/.test(value) ? request => isStatus(String(request.status ?? ''), value) : null,
      needs: 'a status such as 500 or 5xx',
      *values({ requests }) {
        for (const { status } of requests.values()) if (status !== null) yield String(status)
        yield* ['2xx', '4xx', '5xx']
      },
    },
    route: {
      test: value => (value === '' ? null : request => isRoute(routeWord(request.label), value)),
      needs: 'a route such as get+/orders/:id, or a part of it',
      *values({ requests }) {
        for (const { kind, label } of requests.values()) if (kind === 'http') yield routeWord(label)
      },
    },
    slow: slowKey((request, now) => (request.endedAt ?? now) - request.startedAt),
  },
  words: {
    leaked: (request, now) => isLeaking(request, now) || lateRelease(request) !== null,
    running: request => request.endedAt === null,
    failed: (request, now) => outcomeOf(request, now) === 'failed' || (request.status ?? 0) >= 500,
    aborted: request => request.outcome === 'aborted',
    committed: (request, now) => outcomeOf(request, now) === 'committed',
    'rolled-back': request => request.transactions.some(t => t.outcome === 'rolled back'),
    waiting: (request, now) =>
      request.checkouts.some(c => (c.acquiredAt ?? c.endedAt ?? now) - c.askedAt > 1),
    [BY_ROUTE]: () => true,
    'n+1': request => groupsOf(request.statements).length > 0,
  },
  orders: {
    time: ({ startedAt }) => startedAt,
    request: ({ label }) => label,
    status: ({ status }) => status ?? 0,
    duration: (request, now) => (request.endedAt ?? now) - request.startedAt,
    statements: ({ statements, omitted }) => statements.length + omitted,
    outcome: (request, now) => outcomeOf(request, now),
    duplicates: request => duplicatesIn(request).duplicates,
  },
  text: textOf,
}

/** Of requests. One that is over is tested once, and one that is not known does not match. */
export function requestFilter(query: string): Filter<Request | undefined> {
  const { matches, order, problems } = readFilter(REQUESTS, query)
  // Called four times a second for five hundred requests, nearly all of them unchanged.
  const known = new WeakMap<Request, boolean>()
  const matchesOnce = (request: Request | undefined, now: Time) => {
    if (request === undefined) return false
    const does = known.get(request) ?? matches(request, now)
    if (isSettled(request)) known.set(request, does)
    return does
  }
  return {
    matches: matchesOnce,
    order: order && ((a, b, now) => (a && b ? order(a, b, now) : 0)),
    problems,
  }
}

export const FILTER_EXAMPLES = [
  BY_ROUTE,
  'engine:writer',
  'status:5xx',
  'slow:>100',
  'waiting',
  'failed',
  'leaked',
  'n+1',
] as const

/** A label as one word of a filter: `get+/orders/:id`. */
export const routeWord = (label: string): string => label.trim().toLowerCase().replace(/\s+/g, '+')

/** A whole one, with its method, is meant exactly. */
const isRoute = (route: string, wanted: string) =>
  wanted.includes('+') ? route === wanted : route.includes(wanted)

const isStatus = (status: string, wanted: string): boolean =>
  status.length >= wanted.length &&
  Array.from(wanted).every((digit, at) => digit === 'x' || digit === status[at])

function textOf(request: Request): string {
  const parts = [request.label, request.id]
  for (const c of request.checkouts) parts.push(c.engine, c.site ?? '', c.connection ?? '')
  for (const s of request.statements)
    parts.push(s.text, s.site ?? '', s.error?.code ?? '', s.error?.message ?? '')
  return parts.join('\n').toLowerCase()
}
