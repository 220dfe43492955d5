import { statementSums, sumKey, type StatementSum } from '../../model/statement-sums.ts'
import type { Time } from '../../model/rows.ts'
import type { Request, Statement } from '../../model/state.ts'
import { asksAnew, isBatch, isWork, isWrite, withoutRetries } from './counts.ts'
import { shapeOf, type Shape } from './shape.ts'

/** One statement that one line of a request sent again and again. */
export interface Repetition {
  readonly key: string
  readonly text: string
  readonly site: string | null
  readonly within: string | null
  readonly engine: string
  readonly request: Request
  /** The first that is kept. Null where all of them are only counted. */
  readonly first: Statement | null
  readonly total: number
  /** How many different values they had, at least; null where that is unknown. */
  readonly distinct: number | null
  readonly isWrite: boolean
  readonly shape: Shape
  readonly spentMs: number
  readonly firstAt: Time
  /** Those that are kept, in the order in which they were sent. */
  readonly kept: readonly Statement[]
}

/** What repeating it means. */
export type Meaning = 'different values' | 'same values' | 'unknown values'

const known = new WeakMap<Request, { readonly from: number; readonly found: readonly Repetition[] }>()

/** What one line of a request sent `from` times or more, the most time-consuming first. */
export function repetitionsOf(request: Request, from: number): readonly Repetition[] {
  const before = known.get(request)
  if (before?.from === from) return before.found
  const found = statementSums(request)
    .flatMap(sum => repetitionIn(request, sum, from) ?? [])
    .sort((a, b) => b.spentMs - a.spentMs)
  known.set(request, { from, found })
  return found
}

/** Few different values among many statements: they were asked for the same again. */
export const meaningOf = (
  { distinct, total }: Pick<Repetition, 'distinct' | 'total'>,
  from: number,
): Meaning =>
  distinct === null
    ? 'unknown values'
    : distinct < from && isFewOf(total, distinct)
      ? 'same values'
      : 'different values'

/** Whether most of so many statements asked for what another one had asked for. */
export const isFewOf = (total: number, distinct: number): boolean => distinct * 2 <= total

function repetitionIn(request: Request, sum: StatementSum, from: number): Repetition | undefined {
  const { text } = sum
  if (text === null || sum.total < from || !isWork(text) || isBatch(sum)) return undefined
  const kept = withoutRetries(sum.kept, request.transactions, from)
  const total = sum.total - (sum.kept.length - kept.length)
  if (total < from) return undefined
  const distinct = distinctOf(kept, sum.counted)
  const writes = isWrite(text)
  // A change that is made again changes more, and a question may have another answer by now.
  if (
    meaningOf({ distinct, total }, from) === 'same values' &&
    (asksAnew(text) || (writes && repeatsOneChange(sum)))
  )
    return undefined
  return {
    key: sumKey(sum),
    text,
    site: sum.site,
    within: sum.within,
    engine: sum.engine,
    request,
    first: kept[0] ?? null,
    total,
    distinct,
    isWrite: writes,
    shape: shapeOf(kept, sum.counted, request.checkouts),
    spentMs: kept.length === sum.kept.length ? sum.spentMs : sum.spentMs - spentByRetries(sum, kept),
    firstAt: sum.firstAt,
    kept,
  }
}

/** A job that takes the next rows until there are none. */
const repeatsOneChange = ({ text }: StatementSum): boolean => /\blimit\b/i.test(text ?? '')

function distinctOf(kept: readonly Statement[], counted: StatementSum['counted']): number | null {
  const values = new Set<number>()
  for (const { valuesHash } of kept) if (valuesHash !== null) values.add(valuesHash)
  const hasUnknown = kept.some(({ valuesHash }) => valuesHash === null)
  if (!counted) return hasUnknown && values.size < 2 ? null : values.size
  if (counted.valuesHash !== null) values.add(counted.valuesHash)
  const distinct = Math.max(values.size, counted.distinct)
  return distinct === 0 ? null : distinct
}

const spentByRetries = (sum: StatementSum, kept: readonly Statement[]): number => {
  const left = new Set(kept)
  let spent = 0
  for (const one of sum.kept) if (!left.has(one)) spent += (one.endedAt ?? one.startedAt) - one.startedAt
  return Math.min(spent, sum.spentMs)
}
