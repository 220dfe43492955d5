import type { Time } from '../model/rows.ts'
import type { Request, Transaction } from '../model/state.ts'

interface Gap {
  readonly from: Time
  readonly to: Time
}

const known = new WeakMap<Transaction, { statements: number; gap: Gap | null }>()

/**
 * The longest time between two statements of a transaction, or before its end. Null where that is not known, because
 * not all of its request's statements were kept.
 */
export function longestIdle(transaction: Transaction, request: Request): Gap | null {
  if (request.omitted > 0) return null
  // What ran outside of any request is kept up to a number.
  const { statements } = request
  if (request.kind === 'no context' && !(statements[0] && statements[0].startedAt <= transaction.startedAt))
    return null
  const before = known.get(transaction)
  if (before?.statements === statements.length) return before.gap
  const gap = findGap(transaction, request)
  // Only what is over stays as it is.
  if (transaction.endedAt !== null) known.set(transaction, { statements: statements.length, gap })
  return gap
}

function findGap({ connection, startedAt, endedAt }: Transaction, request: Request): Gap | null {
  const end = Math.min(endedAt ?? Infinity, request.endedAt ?? Infinity)
  let longest: Gap | null = null
  let from = startedAt
  const idle = (to: Time) => {
    if (to - from > (longest ? longest.to - longest.from : 0)) longest = { from, to }
  }
  for (const statement of request.statements) {
    if (statement.connection !== connection || (statement.endedAt ?? Infinity) < startedAt) continue
    if (statement.startedAt >= end) break
    idle(statement.startedAt)
    from = Math.max(from, statement.endedAt ?? Infinity)
  }
  // The present one is seen on the lane.
  if (end !== Infinity) idle(end)
  return longest
}
