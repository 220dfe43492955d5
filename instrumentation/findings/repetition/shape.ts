import type { CountedStatements, Checkout, Statement } from '../../model/state.ts'

/** How the statements of a repetition were sent: each after the answer to the one before, or at once. */
export type Shape =
  | { readonly type: 'serial' }
  /** `atOnce`: how many ran at the same time at most. */
  | { readonly type: 'burst'; readonly atOnce: number; readonly connections: number }

/** Of statements of which this share was sent before the one before was answered, the code did not wait. */
const BURST_SHARE = 0.5

/** What waited in a queue, or for a connection, was sent when it began to wait. */
export function shapeOf(
  statements: readonly Statement[],
  counted: CountedStatements | null,
  checkouts: readonly Checkout[],
): Shape {
  const askedAt = new Map(checkouts.map(checkout => [checkout.id, checkout.askedAt]))
  let overlapping = 0
  let answeredAt = -Infinity
  for (const { checkout, startedAt, queuedMs, endedAt } of statements) {
    let sentAt = startedAt - queuedMs
    const asked = checkout === null ? undefined : askedAt.get(checkout)
    if (asked !== undefined) {
      sentAt = Math.min(sentAt, asked)
      // What came later on the same connection did not ask for it.
      askedAt.delete(checkout!)
    }
    if (sentAt < answeredAt) overlapping++
    answeredAt = Math.max(answeredAt, endedAt ?? startedAt)
  }
  const isBurst =
    statements.length > 1
      ? overlapping >= (statements.length - 1) * BURST_SHARE
      : counted !== null && counted.atOnce > 1
  if (!isBurst) return { type: 'serial' }
  return {
    type: 'burst',
    atOnce: Math.max(mostAtOnce(statements), counted?.atOnce ?? 0),
    connections: Math.max(
      new Set(statements.map(({ connection }) => connection)).size,
      counted?.connections ?? 0,
    ),
  }
}

function mostAtOnce(statements: readonly Statement[]): number {
  const edges = statements.flatMap(({ startedAt, endedAt }) => [
    { at: startedAt, step: 1 },
    { at: endedAt ?? Infinity, step: -1 },
  ])
  edges.sort((a, b) => a.at - b.at || a.step - b.step)
  let [running, most] = [0, 0]
  for (const { step } of edges) most = Math.max(most, (running += step))
  return most
}
