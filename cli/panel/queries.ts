import { count, duration, percentile } from '../../instrumentation/model/format.ts'
import { isControl, similarKey } from '../../instrumentation/findings/similar.ts'
import type { PanelState, Statement } from '../../instrumentation/model/state.ts'
import { headOf, processOf, type Report } from './report.ts'
import { gap, table, text } from './screen.ts'
import { inShort } from './statements.ts'
import type { Moment } from './watcher.ts'

const LISTED = 20

/** The statements that are known, by text and line, the most time-consuming first. */
export function queries(moment: Moment): Report {
  const queries = queriesOf(moment.state)
  const omitted = [...moment.state.requests.values()].reduce((sum, request) => sum + request.omitted, 0)
  const more = queries.length - LISTED
  return {
    json: { process: processOf(moment), queries, statementsOmitted: omitted },
    blocks: [
      headOf(moment),
      text(`${count(queries.length, 'query').replace(/querys$/, 'queries')} of the requests that are kept.`),
      gap,
      table(
        ['count', 'total', 'p95', 'rows', 'errors', 'engines'],
        queries.slice(0, LISTED).map(query => ({
          cells: [
            String(query.count),
            duration(query.totalMs),
            duration(query.p95Ms),
            String(query.rows),
            String(query.errors),
            query.engines.join(', '),
          ],
          tone: query.errors > 0 ? 'bad' : 'plain',
          below: [inShort(query.text), ...(query.site === null ? [] : [`at ${query.site}`])],
        })),
      ),
      ...(more > 0 ? [text(`and ${more} more: --json has all.`)] : []),
      ...(omitted > 0
        ? [text(`${count(omitted, 'statement')} of large requests were only counted, and are not in this.`)]
        : []),
    ],
  }
}

interface Query {
  readonly text: string
  readonly site: string | null
  readonly engines: readonly string[]
  readonly count: number
  readonly totalMs: number
  readonly p95Ms: number
  readonly rows: number
  readonly errors: number
}

function queriesOf(state: PanelState): Query[] {
  const groups = new Map<string, Statement[]>()
  for (const { statements } of state.requests.values())
    for (const statement of statements) {
      if (isControl(statement.text)) continue
      const key = similarKey(statement)
      const group = groups.get(key)
      if (group) group.push(statement)
      else groups.set(key, [statement])
    }
  return [...groups.values()].map(queryOf).sort((a, b) => b.totalMs - a.totalMs)
}

function queryOf(statements: readonly Statement[]): Query {
  const [{ text, site }] = statements as [Statement]
  // One that still runs has not taken its time yet.
  const times = statements.flatMap(({ startedAt, endedAt }) =>
    endedAt === null ? [] : [endedAt - startedAt],
  )
  return {
    text,
    site,
    engines: [...new Set(statements.map(({ engine }) => engine))],
    count: statements.length,
    totalMs: times.reduce((sum, ms) => sum + ms, 0),
    p95Ms: percentile(times, 0.95),
    rows: statements.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
    errors: statements.filter(({ error }) => error !== null).length,
  }
}
