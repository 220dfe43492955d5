import type { Capability } from './capability.ts'
import type { Participant } from './participant.ts'

/** How those who have written can be committed: with a decision that one of them holds, or only one after the other. */
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

/** Lowest priority first; of the same priority in the order of their declaration. */
export function inOrder(participants: readonly Participant[]): Participant[] {
  return participants.toSorted((one, other) => one.engine.options.priority - other.engine.options.priority)
}

/**
 * The last participant holds the decision and need not prepare: that is the one that cannot, else the one with the
 * highest priority among those that can hold it.
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
