import type { CountedStatements, Statement } from '../model/state.ts'
import { SIMILAR_FROM } from './thresholds.ts'

/** Statements of one request with the same text, sent from the same line. */
export interface SimilarGroup {
  readonly key: string
  readonly first: Statement
  readonly ids: readonly string[]
  /** In which at least one of them ran: many at once take no longer than their request. */
  readonly spentMs: number
}

/** The groups of `from` or more, the most time-consuming first. Control statements (BEGIN, COMMIT) never count. */
export function groupsOf(statements: readonly Statement[], from = SIMILAR_FROM): SimilarGroup[] {
  if (statements.length < from) return []
  const groups = new Map<
    string,
    { key: string; first: Statement; ids: string[]; spentMs: number; to: number }
  >()
  for (const statement of statements) {
    if (isControl(statement.text)) continue
    const { id, startedAt } = statement
    const endedAt = statement.endedAt ?? startedAt
    const key = similarKey(statement)
    const group = groups.get(key) ?? { key, first: statement, ids: [], spentMs: 0, to: startedAt }
    groups.set(key, group)
    group.ids.push(id)
    group.spentMs += Math.max(0, endedAt - Math.max(startedAt, group.to))
    group.to = Math.max(group.to, endedAt)
  }
  return [...groups.values()].filter(group => group.ids.length >= from).sort((a, b) => b.spentMs - a.spentMs)
}

export const similarKey = (statement: Statement): string => `${statement.site ?? ''}\n${statement.text}`

export const isControl = (text: string): boolean =>
  /^\s*(begin|commit|rollback|savepoint|release|start transaction|set|prepare transaction)\b/i.test(text)

/** A row of the statements table: one statement, a folded run of similar ones, or those that are only counted. */
export type StatementLine =
  | { readonly type: 'one'; readonly statement: Statement; readonly inRun: boolean }
  | {
      readonly type: 'run'
      readonly key: string
      readonly statements: readonly Statement[]
      /** How many different ones it repeats in turn. */
      readonly inTurn: number
      readonly isOpen: boolean
    }
  | { readonly type: 'counted'; readonly counted: CountedStatements }

/** Folds runs of similar statements into one line each, except the `opened` ones, given by their first id. */
export function foldRuns(statements: readonly Statement[], opened: ReadonlySet<string>): StatementLine[] {
  const lines: StatementLine[] = []
  for (let i = 0; i < statements.length;) {
    const first = statements[i]!
    const found = runFrom(statements, i)
    if (!found) {
      lines.push({ type: 'one', statement: first, inRun: false })
      i += 1
      continue
    }
    const isOpen = opened.has(first.id)
    const run = statements.slice(i, i + found.length)
    lines.push({ type: 'run', key: first.id, statements: run, inTurn: found.inTurn, isOpen })
    if (isOpen) for (const statement of run) lines.push({ type: 'one', statement, inRun: true })
    i += run.length
  }
  return lines
}

/** Rounds of more different statements are not folded. */
const MOST_IN_TURN = 6

function runFrom(
  statements: readonly Statement[],
  first: number,
): { length: number; inTurn: number } | undefined {
  for (let inTurn = 1; inTurn <= MOST_IN_TURN; inTurn++) {
    let end = first + inTurn
    while (end < statements.length && similarKey(statements[end]!) === similarKey(statements[end - inTurn]!))
      end++
    const rounds = Math.floor((end - first) / inTurn)
    if (rounds < SIMILAR_FROM) continue
    const round = statements.slice(first, first + inTurn)
    if (round.some(({ text }) => !isControl(text))) return { length: rounds * inTurn, inTurn }
  }
  return undefined
}
