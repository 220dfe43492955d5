import { sumKey } from '../../model/statement-sums.ts'
import type { Request } from '../../model/state.ts'
import { repetitionsOf, type Repetition } from './repetitions.ts'

/** Several statements that were repeated in turn: A B C A B C. One loop sent them all. */
export interface Sequence {
  readonly parts: readonly Repetition[]
}

/** In a loop with branches a statement is not always followed by the same one. */
const FOLLOWED_SHARE = 0.6

export interface Repeated {
  readonly sequences: readonly Sequence[]
  /** What was repeated on its own. */
  readonly alone: readonly Repetition[]
}

const known = new WeakMap<readonly Repetition[], Repeated>()

/** What one line of a request, or a loop over several lines, sent again and again. */
export function repeatedIn(request: Request, from: number): Repeated {
  // The loop may be in the midst of a round.
  const repetitions = repetitionsOf(request, from - 1)
  let repeated = known.get(repetitions)
  if (!repeated) known.set(repetitions, (repeated = apart(request, repetitions, from)))
  return repeated
}

function apart(request: Request, repetitions: readonly Repetition[], from: number): Repeated {
  const next = followers(request, repetitions)
  const taken = new Set<Repetition>()
  const sequences: Sequence[] = []
  const inOrder = [...repetitions].sort((a, b) => a.firstAt - b.firstAt)
  for (const first of inOrder) {
    if (taken.has(first)) continue
    const parts = cycleFrom(first, next, taken)
    if (!parts?.some(({ total }) => total >= from)) continue
    for (const part of parts) taken.add(part)
    sequences.push({ parts })
  }
  return { sequences, alone: repetitions.filter(one => one.total >= from && !taken.has(one)) }
}

function cycleFrom(
  first: Repetition,
  next: ReadonlyMap<Repetition, Repetition>,
  taken: ReadonlySet<Repetition>,
): Repetition[] | undefined {
  const parts = [first]
  for (;;) {
    const following = next.get(parts.at(-1)!)
    if (following === first) return parts.length > 1 ? parts : undefined
    if (!following || taken.has(following) || parts.includes(following)) return undefined
    parts.push(following)
  }
}

/** Which repetition mostly comes after each. What is sent between them only once does not matter. */
function followers(request: Request, repetitions: readonly Repetition[]): Map<Repetition, Repetition> {
  const byKey = new Map(repetitions.map(one => [one.key, one]))
  const counts = new Map<Repetition, Map<Repetition, number>>()
  let last: Repetition | undefined
  for (const statement of request.statements) {
    const one = byKey.get(sumKey(statement))
    if (!one) continue
    if (last) {
      let after = counts.get(last)
      if (!after) counts.set(last, (after = new Map()))
      after.set(one, (after.get(one) ?? 0) + 1)
    }
    last = one
  }
  const next = new Map<Repetition, Repetition>()
  for (const [one, after] of counts) {
    const all = [...after.values()].reduce((sum, n) => sum + n, 0)
    for (const [other, n] of after) if (n >= all * FOLLOWED_SHARE) next.set(one, other)
  }
  return next
}
