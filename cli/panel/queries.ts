import { isControl } from '../../instrumentation/findings/similar.ts'
import { count, duration, percentile } from '../../instrumentation/model/format.ts'
import { statementSums, sumKey, type StatementSum } from '../../instrumentation/model/statement-sums.ts'
import type { PanelState } from '../../instrumentation/model/state.ts'
import { headOf, processOf, type Report } from './report.ts'
import { gap, table, text } from './screen.ts'
import { inShort } from './statements.ts'
import type { Moment } from './watcher.ts'

const LISTED = 20

/** The statements of the requests that are kept, by text and line, the most time-consuming first. */
export function queries(moment: Moment): Report {
  const queries = queriesOf(moment.state)
  const more = queries.length - LISTED
  return {
    json: { process: processOf(moment), queries },
    blocks: [
      headOf(moment),
      text(`${count(queries.length, 'statement')}, by text and line, of the requests that are kept.`),
      gap,
      table(
        ['count', 'total', 'p95', 'rows', 'errors', 'engine'],
        queries.slice(0, LISTED).map(query => ({
          cells: [
            String(query.count),
            duration(query.totalMs),
            query.p95Ms === null ? '–' : duration(query.p95Ms),
            String(query.rows),
            String(query.errors),
            query.engine,
          ],
          tone: query.errors > 0 ? 'bad' : 'plain',
          below: [
            query.text === null ? 'others, which were only counted' : inShort(query.text),
            ...(query.site === null ? [] : [`at ${query.site}`]),
          ],
        })),
      ),
      ...(more > 0 ? [text(`and ${more} more: --json has all.`)] : []),
    ],
  }
}

/** All statements of one text, line and engine. */
interface Query {
  /** Null for those of large requests whose texts are not kept. */
  readonly text: string | null
  readonly site: string | null
  readonly engine: string
  readonly count: number
  /** The sum of their times. */
  readonly totalMs: number
  /** Of those that are kept in full; null where none of them is. */
  readonly p95Ms: number | null
  readonly rows: number
  readonly errors: number
}

function queriesOf(state: PanelState): Query[] {
  const groups = new Map<string, StatementSum[]>()
  for (const request of state.requests.values())
    for (const sum of statementSums(request)) {
      // BEGIN and COMMIT are no work of a line.
      if (sum.text !== null && isControl(sum.text)) continue
      const group = groups.get(sumKey(sum))
      if (group) group.push(sum)
      else groups.set(sumKey(sum), [sum])
    }
  return [...groups.values()].map(queryOf).sort((a, b) => b.totalMs - a.totalMs)
}

function queryOf(sums: readonly StatementSum[]): Query {
  const [{ text, site, engine }] = sums as [StatementSum]
  const total = (of: (sum: StatementSum) => number) => sums.reduce((all, sum) => all + of(sum), 0)
  // One that still runs has not taken its time yet.
  const times = sums.flatMap(({ kept }) =>
    kept.flatMap(({ startedAt, endedAt }) => (endedAt === null ? [] : [endedAt - startedAt])),
  )
  return {
    text,
    site,
    engine,
    count: total(sum => sum.total),
    totalMs: total(sum => sum.summedMs),
    p95Ms: times.length === 0 ? null : percentile(times, 0.95),
    rows: total(sum => sum.rows),
    errors: total(sum => sum.failed),
  }
}
