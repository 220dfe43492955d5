import type { Query } from '../../instrumentation/model/queries.ts'
import { atLeast, engineKey, readFilter, slowKey, type Filter, type Grammar } from './filter.ts'

/** Without this word, statements that only begin, end or set something are left out. */
export const WITH_CONTROL = 'with-control'

/** Any other word is searched for in the text, the line of code and the engines. */
export const QUERIES: Grammar<Query> = {
  keys: {
    engine: engineKey(({ engines }) => engines),
    slow: slowKey(({ maxMs }) => maxMs ?? 0),
    count: {
      test: value => {
        const least = atLeast(value)
        return least === null ? null : query => query.count >= least
      },
      needs: 'a number such as >100',
      values: () => ['>10', '>100', '>1000'],
    },
  },
  words: {
    failed: ({ failed }) => failed > 0,
    running: ({ running }) => running > 0,
    waiting: ({ queuedMs, waitedMs }) => queuedMs + waitedMs > 1,
    duplicates: ({ duplicates }) => duplicates > 0,
    serial: ({ worst }) => worst.manner === 'serial',
    'at-once': ({ worst }) => worst.manner === 'at once',
    [WITH_CONTROL]: () => true,
  },
  orders: {
    count: ({ count }) => count,
    total: ({ totalMs }) => totalMs,
    p95: ({ p95Ms }) => p95Ms ?? 0,
    rows: ({ rows }) => rows,
    errors: ({ failed }) => failed,
    waits: ({ queuedMs, waitedMs }) => queuedMs + waitedMs,
    duplicates: ({ duplicates }) => duplicates,
    engine: ({ engines }) => engines.join(' '),
    line: ({ site }) => site ?? '',
    text: ({ text }) => text,
  },
  text: ({ text, site, engines }) => [text, site, ...engines].join('\n').toLowerCase(),
}

export const QUERY_WORDS = ['duplicates', 'failed', 'waiting', 'slow:>100', WITH_CONTROL] as const

export function queryFilter(query: string): Filter<Query> {
  const withControl = query.toLowerCase().split(/\s+/).includes(WITH_CONTROL)
  const { matches, ...filter } = readFilter(QUERIES, query)
  return { ...filter, matches: (one, now) => (withControl || !one.isControl) && matches(one, now) }
}
