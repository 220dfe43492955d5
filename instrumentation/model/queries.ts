import { queriesIn, unnamedIn, type RequestQuery } from './request-queries.ts'
import { NO_CONTEXT, type PanelState, type Request } from './state.ts'

/** The statements of one normal form and line in all requests that are kept. */
export interface Query {
  readonly key: string
  /** As it was sent the first time. */
  readonly text: string
  readonly site: string | null
  readonly engines: readonly string[]
  readonly count: number
  readonly requests: number
  readonly running: number
  readonly failed: number
  readonly rows: number
  readonly totalMs: number
  /** Of those that are kept one by one; null while none of them is answered. */
  readonly p95Ms: number | null
  readonly maxMs: number | null
  readonly queuedMs: number
  readonly waitedMs: number
  /** How many of them repeat an earlier one of their request. */
  readonly duplicates: number
  readonly isControl: boolean
  /** Where it ran most often; of equals, where it took longest. */
  readonly worst: InRequest
}

export interface InRequest extends Pick<RequestQuery, 'count' | 'manner' | 'executingMs'> {
  readonly request: Request
}

export interface Queries {
  readonly queries: readonly Query[]
  /** Statements beyond the limits of their requests of which only the number is known. */
  readonly omitted: number
  /** How many statements the queries sum. */
  readonly statements: number
}

type Summing = { -readonly [K in keyof Query]: Query[K] } & { all: number[][]; names: Set<string> }

/** Sums what all requests have sent, and what ran without one. */
export function queriesOf({ requests }: Pick<PanelState, 'requests'>): Queries {
  const sums = new Map<string, Summing>()
  let omitted = 0
  let statements = 0
  for (const request of requests.values()) {
    omitted += unnamedIn(request)
    for (const one of queriesIn(request)) {
      statements += one.count
      const sum = sums.get(one.key)
      if (sum) add(sum, one, request)
      else sums.set(one.key, first(one, request))
    }
  }
  return { queries: [...sums.values()].map(finished), omitted, statements }
}

/** The requests in which a query ran, the worst first. */
export function requestsWith({ requests }: Pick<PanelState, 'requests'>, key: string): InRequest[] {
  const found: InRequest[] = []
  for (const request of requests.values()) {
    const one = queriesIn(request).find(each => each.key === key)
    if (one) found.push(inRequest(one, request))
  }
  return found.sort(byWeight)
}

const inRequest = ({ count, manner, executingMs }: RequestQuery, request: Request): InRequest => ({
  count,
  manner,
  executingMs,
  request,
})

const byWeight = (a: InRequest, b: InRequest): number => b.count - a.count || b.executingMs - a.executingMs

const first = (one: RequestQuery, request: Request): Summing => ({
  key: one.key,
  text: one.text,
  site: one.site,
  engines: [],
  count: one.count,
  requests: 1,
  running: one.running,
  failed: one.failed,
  rows: one.rows,
  totalMs: one.executingMs,
  p95Ms: null,
  maxMs: null,
  queuedMs: one.queuedMs,
  waitedMs: one.waitedMs,
  duplicates: repeats(one, request),
  isControl: one.isControl,
  worst: inRequest(one, request),
  all: [one.durations as number[]],
  names: new Set(one.engines),
})

function add(sum: Summing, one: RequestQuery, request: Request): void {
  sum.count += one.count
  sum.requests++
  sum.running += one.running
  sum.failed += one.failed
  sum.rows += one.rows
  sum.totalMs += one.executingMs
  sum.queuedMs += one.queuedMs
  sum.waitedMs += one.waitedMs
  sum.duplicates += repeats(one, request)
  sum.all.push(one.durations as number[])
  for (const engine of one.engines) sum.names.add(engine)
  const here = inRequest(one, request)
  // What runs without a request is no request: it repeats for as long as the process lives.
  if (sum.worst.request.id === NO_CONTEXT || (request.id !== NO_CONTEXT && byWeight(here, sum.worst) < 0))
    sum.worst = here
}

const repeats = (one: RequestQuery, request: Request) =>
  one.isControl || request.id === NO_CONTEXT ? 0 : one.count - 1

function finished({ all, names, ...sum }: Summing): Query {
  const durations = Float64Array.from(all.flat()).sort()
  const at = Math.min(durations.length - 1, Math.floor(durations.length * 0.95))
  return {
    ...sum,
    engines: [...names].sort(),
    p95Ms: durations[at] ?? null,
    maxMs: durations.at(-1) ?? null,
  }
}
