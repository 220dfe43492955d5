import { foldRuns, type StatementLine } from '../../instrumentation/findings/similar.ts'
import { duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { CountedStatements, Statement } from '../../instrumentation/model/state.ts'
import { table, text, type Block, type TableRow } from './screen.ts'

const LISTED = 100
const LONGEST = 300

/** A statement on one line, cut where it is long. It holds no value. */
export function inShort(sql: string): string {
  const line = sql
    .slice(0, LONGEST * 2)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

/** Statements in their order, with when they began after `from`. Runs of similar ones are one line; then the counted ones. */
export function statementTable(
  statements: readonly Statement[],
  from: Time,
  counted: readonly CountedStatements[] = [],
): Block[] {
  const lines: StatementLine[] = [
    ...foldRuns(statements, new Set()),
    ...counted.map(one => ({ type: 'counted' as const, counted: one })),
  ]
  if (lines.length === 0) return [text('No statement of it is known.')]
  const more = lines.length - LISTED
  return [
    table(
      ['at ms', 'took', 'engine', 'rows'],
      lines.slice(0, LISTED).map(line => rowOf(line, from)),
    ),
    ...(more > 0 ? [text(`and ${more} more: --json has all.`)] : []),
  ]
}

function rowOf(line: StatementLine, from: Time): TableRow {
  switch (line.type) {
    case 'one':
      return rowOfRun([line.statement], 1, from)
    case 'run':
      return rowOfRun(line.statements, line.inTurn, from)
    case 'counted':
      return rowOfCounted(line.counted, from)
    default:
      return line satisfies never
  }
}

function rowOfRun(run: readonly Statement[], inTurn: number, from: Time): TableRow {
  const [first] = run as [Statement]
  const last = run.at(-1)!
  const error = run.find(statement => statement.error !== null)?.error
  const isNoRow = run.every(statement => statement.rows === null)
  const rows = isNoRow ? '' : String(run.reduce((sum, statement) => sum + (statement.rows ?? 0), 0))
  const many = inTurn === 1 ? `${run.length} similar:` : `${run.length} in rounds of ${inTurn}:`
  return {
    cells: [
      milliseconds(first.startedAt - from),
      last.endedAt === null ? 'running' : duration(last.endedAt - first.startedAt),
      first.engine,
      error ? (error.code ?? 'failed') : rows,
    ],
    tone: error ? 'bad' : 'plain',
    below: [...(run.length > 1 ? [many] : []), ...run.slice(0, inTurn).flatMap(sourceOf)],
  }
}

const rowOfCounted = (counted: CountedStatements, from: Time): TableRow => ({
  cells: [
    milliseconds(counted.firstAt - from),
    duration(counted.spentMs),
    counted.engine ?? '',
    counted.failed > 0 ? `${counted.failed} failed` : String(counted.rows),
  ],
  tone: counted.failed > 0 ? 'bad' : 'plain',
  below: [`${counted.total} that were only counted:`, ...sourceOf(counted)],
})

const sourceOf = ({ text, site }: Pick<CountedStatements, 'text' | 'site'>): string[] => [
  ...(text === null ? [] : [inShort(text)]),
  ...(site === null ? [] : [`at ${site}`]),
]

export const statementJson = (statement: Statement) => {
  const { id, engine, connection, transaction, text, parameters, site, queuedMs, startedAt, endedAt, rows } =
    statement
  return {
    id,
    engine,
    connection,
    transaction,
    text,
    parameters,
    site,
    queuedMs,
    /** Null while it runs. */
    tookMs: endedAt === null ? null : endedAt - startedAt,
    rows,
    error: statement.error,
  }
}
