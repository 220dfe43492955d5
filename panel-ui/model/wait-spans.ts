import { duration } from '../../instrumentation/model/format.ts'
import type { Span } from './span.ts'

/** Where a lane shows that something waited for its connection, with the words for it, which are on one piece only. */
export interface WaitSpan extends Span {
  readonly failed: boolean
  readonly label: string | null
}

type Wait = Span & { readonly failed: boolean }

/** Shorter waits are those of a free pool. */
const SHORTEST_MS = 0.05

/** Waits that overlap are one span, in pieces where the connection was not held meanwhile: words never lie on words. */
export function waitSpans(waits: readonly Wait[], holds: readonly Span[]): WaitSpan[] {
  const sorted = waits.filter(({ from, to }) => to - from > SHORTEST_MS).toSorted((a, b) => a.from - b.from)
  const groups: Wait[][] = []
  let until = Number.NEGATIVE_INFINITY
  for (const wait of sorted) {
    if (wait.from < until) groups.at(-1)!.push(wait)
    else groups.push([wait])
    until = Math.max(until, wait.to)
  }
  return groups.flatMap(group => piecesOf(group, holds))
}

function piecesOf(group: readonly Wait[], holds: readonly Span[]): WaitSpan[] {
  const longest = Math.max(...group.map(({ from, to }) => to - from))
  const words =
    group.length === 1 ? `waits ${duration(longest)}` : `${group.length} wait, up to ${duration(longest)}`
  const failed = group.some(wait => wait.failed)
  const whole = { from: group[0]!.from, to: Math.max(...group.map(({ to }) => to)) }
  const pieces = without(whole, holds)
  const widest = pieces.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0]
  return pieces.map(piece => ({ ...piece, failed, label: piece === widest ? words : null }))
}

/** What is left of a span outside of others. */
function without(span: Span, others: readonly Span[]): Span[] {
  const left: Span[] = []
  let from = span.from
  for (const other of others.toSorted((a, b) => a.from - b.from)) {
    if (other.to <= from || other.from >= span.to) continue
    if (other.from > from) left.push({ from, to: other.from })
    from = Math.max(from, other.to)
  }
  if (from < span.to) left.push({ from, to: span.to })
  return left
}
