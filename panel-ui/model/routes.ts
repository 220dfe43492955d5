import { outcomeOf } from '../../instrumentation/findings/outcome.ts'
import { percentile } from '../../instrumentation/model/format.ts'
import { duplicatesIn } from '../../instrumentation/model/request-queries.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { sortedBy } from './filter.ts'

/** The requests of one label: of one route, where the framework told it. */
export interface Route {
  readonly label: string
  readonly requests: readonly Request[]
  readonly running: number
  readonly failed: number
  readonly medianMs: number
  readonly p95Ms: number
  readonly totalMs: number
  /** Per request, on average. */
  readonly statements: number
  readonly duplicates: number
  readonly slowest: Request
}

/** The routes of these requests, sorted as the filter says; else by the time that they took in all. */
export function routesOf(requests: readonly Request[], query: string, now: Time): Route[] {
  const byLabel = new Map<string, Request[]>()
  for (const request of requests) {
    const own = byLabel.get(request.label)
    if (own) own.push(request)
    else byLabel.set(request.label, [request])
  }
  return [...byLabel].map(([label, own]) => routeOf(label, own, now)).sort(orderOf(query))
}

function routeOf(label: string, requests: readonly Request[], now: Time): Route {
  const lasted = (request: Request) => (request.endedAt ?? now) - request.startedAt
  const times = requests.map(lasted)
  const sum = (of: (request: Request) => number) => requests.reduce((all, each) => all + of(each), 0)
  return {
    label,
    requests,
    running: requests.filter(({ endedAt }) => endedAt === null).length,
    failed: requests.filter(each => (each.status ?? 0) >= 500 || outcomeOf(each, now) === 'failed').length,
    medianMs: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    totalMs: times.reduce((all, each) => all + each, 0),
    statements: sum(({ statements, omitted }) => statements.length + omitted) / requests.length,
    duplicates: sum(each => duplicatesIn(each).duplicates) / requests.length,
    slowest: requests[times.indexOf(Math.max(...times))]!,
  }
}

const COLUMNS: Readonly<Record<string, (route: Route) => number>> = {
  time: ({ requests }) => requests.length,
  duration: ({ p95Ms }) => p95Ms,
  statements: ({ statements }) => statements,
  duplicates: ({ duplicates }) => duplicates,
  outcome: ({ failed }) => failed,
}

function orderOf(query: string): (a: Route, b: Route) => number {
  const sign = (column: string) => ({ first: 1, reversed: -1, none: 0 })[sortedBy(query, column) ?? 'none']
  if (sign('request') !== 0) return (a, b) => sign('request') * a.label.localeCompare(b.label, 'en')
  const [column, of] = Object.entries(COLUMNS).find(([name]) => sign(name) !== 0) ?? ['', null]
  return of ? (a, b) => sign(column) * (of(b) - of(a)) : (a, b) => b.totalMs - a.totalMs
}
