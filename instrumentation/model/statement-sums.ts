import type { Time } from './rows.ts'
import type { CountedStatements, Request, Statement } from './state.ts'

/** The statements of one text, line and engine in a request: those that are kept, and those that are only counted. */
export interface StatementSum {
  /** Null for what is beyond the number of sums that are kept. */
  readonly text: string | null
  readonly site: string | null
  readonly within: string | null
  readonly engine: string
  readonly total: number
  readonly running: number
  readonly failed: number
  readonly rows: number
  readonly command: string | null
  /** The sum of their times. */
  readonly summedMs: number
  /** In which at least one of them ran: many at once take no longer than their request. */
  readonly spentMs: number
  readonly firstAt: Time
  readonly lastAt: Time
  /** In the order in which they were sent. */
  readonly kept: readonly Statement[]
  readonly counted: CountedStatements | null
}

type Summing = { -readonly [K in keyof StatementSum]: StatementSum[K] } & { kept: Statement[]; to: Time }

const known = new WeakMap<Request, readonly StatementSum[]>()

/** The sums of a request, by text, line and engine, in the order of their first statements. Nothing is left out. */
export function statementSums(request: Request): readonly StatementSum[] {
  let sums = known.get(request)
  if (!sums) known.set(request, (sums = sum(request)))
  return sums
}

/** Under which a statement is summed. */
export const sumKey = (of: {
  readonly engine: string | null
  readonly site: string | null
  readonly text: string | null
}): string => `${of.engine ?? ''}\n${of.site ?? ''}\n${of.text ?? ''}`

function sum({ statements, counted }: Pick<Request, 'statements' | 'counted'>): StatementSum[] {
  const sums = new Map<string, Summing>()
  const sumOf = (of: Statement | CountedStatements, firstAt: Time): Summing => {
    const key = sumKey(of)
    let found = sums.get(key)
    if (!found) sums.set(key, (found = blank(of, firstAt)))
    return found
  }
  for (const statement of statements) add(sumOf(statement, statement.startedAt), statement)
  for (const one of counted) addCounted(sumOf(one, one.firstAt), one)
  return [...sums.values()]
}

const blank = (of: Statement | CountedStatements, firstAt: Time): Summing => ({
  text: of.text,
  site: of.site,
  within: of.within,
  engine: of.engine ?? '',
  total: 0,
  running: 0,
  failed: 0,
  rows: 0,
  command: null,
  summedMs: 0,
  spentMs: 0,
  firstAt,
  lastAt: firstAt,
  kept: [],
  counted: null,
  to: firstAt,
})

function add(sum: Summing, statement: Statement): void {
  const { startedAt } = statement
  const endedAt = statement.endedAt ?? startedAt
  sum.total++
  if (statement.endedAt === null) sum.running++
  if (statement.error) sum.failed++
  sum.rows += statement.rows ?? 0
  sum.command ??= statement.command
  sum.summedMs += endedAt - startedAt
  sum.spentMs += Math.max(0, endedAt - Math.max(startedAt, sum.to))
  sum.to = Math.max(sum.to, endedAt)
  sum.lastAt = Math.max(sum.lastAt, endedAt)
  sum.kept.push(statement)
}

function addCounted(sum: Summing, counted: CountedStatements): void {
  sum.total += counted.total
  sum.running += counted.running
  sum.failed += counted.failed
  sum.rows += counted.rows
  sum.command ??= counted.command
  sum.summedMs += counted.summedMs
  sum.spentMs += counted.spentMs
  sum.firstAt = Math.min(sum.firstAt, counted.firstAt)
  sum.lastAt = Math.max(sum.lastAt, counted.lastAt)
  sum.counted = counted
}
