import type { Capability } from './capability.ts'
import type { Participant } from './participant.ts'

/** How the participants that have written can be committed: with a decision held by one of them, or only one after the other. */
export type Plan =
  | {
      readonly mode: 'two-phase'
      readonly last: Participant
      readonly others: readonly Participant[]
      readonly location: string
    }
  | {
      readonly mode: 'sequential'
      readonly order: readonly Participant[]
      readonly reasons: readonly string[]
    }

/** The participants by priority, lowest first; equals in the order of their declaration. */
export function inOrder(participants: readonly Participant[]): Participant[] {
  return participants.toSorted((one, other) => one.engine.options.priority - other.engine.options.priority)
}

/**
 * Plans a commit. The last participant holds the decision and need not prepare: the one that cannot, or else the one
 * with the highest priority among those that can hold the decision.
 */
export function plan(
  participants: readonly Participant[],
  capabilities: ReadonlyMap<Participant, Capability>,
): Plan {
  const order = inOrder(participants)
  const reasons: string[] = []
  const unpreparable: Participant[] = []
  for (const one of order) {
    const why = whyNotPreparable(one, capabilities.get(one))
    if (why === null) continue
    unpreparable.push(one)
    reasons.push(`"${one.name}" cannot be prepared: ${why}`)
  }
  if (unpreparable.length > 1) return { mode: 'sequential', order, reasons }
  const [must] = unpreparable
  const last = must ?? order.findLast(one => capabilities.get(one)?.notDeciding === null) ?? order.at(-1)
  const capability = last && capabilities.get(last)
  if (!last || !capability?.location) {
    const asked = must ? [must] : order
    for (const one of asked) {
      const why = capabilities.get(one)?.notDeciding
      if (why) reasons.push(`"${one.name}" cannot hold the decision: ${why}`)
    }
    return { mode: 'sequential', order, reasons }
  }
  const others = order.filter(one => one !== last)
  return { mode: 'two-phase', last, others, location: capability.location }
}

function whyNotPreparable({ life }: Participant, capability: Capability | undefined): string | null {
  if (life.unpreparable) return 'its transaction used NOTIFY or LISTEN'
  return capability?.notPreparable ?? null
}
