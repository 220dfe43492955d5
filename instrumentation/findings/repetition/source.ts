import { sumKey } from '../../model/statement-sums.ts'
import type { Statement } from '../../model/state.ts'
import { isWork } from './counts.ts'
import type { Repetition } from './repetitions.ts'

/** How far back the rows of a loop are looked for. */
const STATEMENTS_BACK = 20

/**
 * The statement whose rows the repetition was probably for: the last one before it that returned more than one row, and
 * about as many as it was repeated. A guess.
 */
export function sourceOf(repetition: Repetition): { statement: Statement; rows: number } | undefined {
  const { request, first, key, total } = repetition
  if (!first) return undefined
  const { statements } = request
  const index = statements.indexOf(first)
  for (let i = index - 1; i >= Math.max(0, index - STATEMENTS_BACK); i--) {
    const statement = statements[i]!
    if (statement.endedAt === null || statement.endedAt > first.startedAt) continue
    if (sumKey(statement) === key || !isWork(statement.text)) continue
    const rows = statement.rows ?? 0
    if (rows >= 2 && rows >= total / 2 && (request.endedAt === null || rows <= total * 2))
      return { statement, rows }
  }
  return undefined
}
