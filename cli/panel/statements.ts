import { foldRuns } from '../../instrumentation/findings/similar.ts'
import { duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { Statement } from '../../instrumentation/model/state.ts'
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

/** Statements in their order, with when they began after `from`. Runs of similar ones are one line. */
export function statementTable(statements: readonly Statement[], from: Time): Block[] {
  if (statements.length === 0) return [text('No statement of it is known.')]
  const lines = foldRuns(statements, new Set())
  const more = lines.length - LISTED
  return [
    table(
      ['at ms', 'took', 'engine', 'rows'],
      lines
        .slice(0, LISTED)
        .map(line => rowOf(line.type === 'one' ? [line.statement] : line.statements, from)),
    ),
    ...(more > 0 ? [text(`and ${more} more: --json has all.`)] : []),
  ]
}

function rowOf(run: readonly Statement[], from: Time): TableRow {
  const [first] = run as [Statement]
  const last = run.at(-1)!
  const error = run.find(statement => statement.error !== null)?.error
  const rows = run.every(statement => statement.rows === null)
    ? ''
    : String(run.reduce((sum, statement) => sum + (statement.rows ?? 0), 0))
  const many = run.length > 1 ? `${run.length} similar: ` : ''
  return {
    cells: [
      milliseconds(first.startedAt - from),
      last.endedAt === null ? 'running' : duration(last.endedAt - first.startedAt),
      first.engine,
      error ? (error.code ?? 'failed') : rows,
    ],
    tone: error ? 'bad' : 'plain',
    below: [many + inShort(first.text), ...(first.site === null ? [] : [`at ${first.site}`])],
  }
}

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
