import type { StatementSum } from '../../model/statement-sums.ts'
import type { Statement, Transaction } from '../../model/state.ts'

/** What is repeated for a reason of its own: control, what reads on in a cursor, and what is no work on rows. */
const BY_DESIGN = new Set(
  `begin start commit end abort rollback savepoint release prepare set reset show declare fetch move close copy listen
  unlisten notify lock deallocate discard vacuum analyze explain create alter drop truncate comment grant revoke`.split(
    /\s+/,
  ),
)

const WRITES = new Set(['insert', 'update', 'delete', 'merge'])

/** The first word of a shown text, comments aside. */
export function firstWord(text: string): string {
  const start = text.slice(0, 1_000).replaceAll('/*…*/', ' ').replaceAll('--…', ' ').trimStart()
  return /^\(*\w+/.exec(start)?.[0].replaceAll('(', '').toLowerCase() ?? ''
}

/** Whether repeating statements of this text says something about the code that sends them. */
export const isWork = (text: string): boolean => !BY_DESIGN.has(firstWord(text))

/** Whether it changes rows, as far as its text tells. */
export const isWrite = (text: string): boolean => {
  const word = firstWord(text)
  return (
    WRITES.has(word) || (word === 'with' && /\b(?:insert into|update|delete from|merge into) /i.test(text))
  )
}

/** Whether the same values may give another answer each time, so that asking again is no waste. */
export const asksAnew = (text: string): boolean =>
  /\bfor (?:no key )?(?:update|share)\b|\bskip locked\b|\bnextval\b|\bpg_(?:try_)?advisory|\bpg_notify\b|\brandom\(|\bclock_timestamp\b|\bgen_random_uuid\b/i.test(
    text,
  )

/** From so many rows a statement on, it does its part of a batch. */
const BATCH = { insert: 2, other: 10 }

/** Whether each of them does its part of a batch: an INSERT of many rows, an UPDATE in steps, a page of a result. */
export function isBatch(sum: StatementSum): boolean {
  const answered = sum.total - sum.running - sum.failed
  if (answered === 0 || sum.text === null) return false
  const rows = sum.rows / answered
  if (isWrite(sum.text)) return rows >= (firstWord(sum.text) === 'insert' ? BATCH.insert : BATCH.other)
  return isPaging(sum.text, sum.kept)
}

/** The next page begins behind the last one's end, and all pages but the last are full. */
function isPaging(text: string, statements: readonly Statement[]): boolean {
  if (!/\blimit\b|\bfetch (?:first|next)\b/i.test(text)) return false
  if (!/\boffset\b|[<>] *[$?(]/i.test(text)) return false
  const rows = statements.filter(one => one.endedAt !== null && !one.error).map(one => one.rows ?? 0)
  const [full = 0] = rows
  return full > 1 && rows.slice(0, -1).every(some => some === full)
}

/**
 * Those of a request's statements that were tried and not repeated: without what failed, and what came again because its
 * transaction had failed. `few`: of more in one transaction, that transaction repeated them itself.
 */
export function withoutRetries(
  statements: readonly Statement[],
  transactions: readonly Transaction[],
  few: number,
): readonly Statement[] {
  if (!statements.some(({ error }) => error) && !transactions.some(({ failed }) => failed)) return statements
  const failed = new Set(transactions.flatMap(({ id, failed }) => (failed ? [id] : [])))
  const inIt = new Map<string, number>()
  for (const { transaction } of statements)
    if (transaction !== null) inIt.set(transaction, (inIt.get(transaction) ?? 0) + 1)
  return statements.filter(
    ({ error, transaction }) =>
      !error && (transaction === null || !failed.has(transaction) || inIt.get(transaction)! >= few),
  )
}
