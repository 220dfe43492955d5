import type { HolderFacts } from '../model/rows.ts'
import { duration } from '../model/format.ts'
import type { LaneStatus } from './lane-status.ts'

/** The holder of one of a pool's connections, as far as it explains why no one else gets it. */
export interface Holder {
  readonly request: string | null
  readonly label: string
  readonly site: string | null
  readonly phase: HolderFacts['state']
  readonly phaseMs: number
  /** How long ago its request ended, if that is over. */
  readonly leakedMs: number | null
}

/** Why a full pool stays full, in one sentence: the first known cause that fits. */
export function whyFull(holders: readonly Holder[], waiters: readonly (string | null)[]): string {
  const [first] = holders
  if (!first) return 'Nobody is seen to hold a connection of it.'
  const waiting = new Set(waiters.filter(request => request !== null))
  const nested = holders.filter(h => h.request !== null && waiting.has(h.request))
  if (nested.length > 0) {
    return `${say(longest(nested))} holds one and waits for another: requests that each need two can keep each other waiting for ever.`
  }
  const leaked = holders.filter(h => h.leakedMs !== null)
  if (leaked.length > 0) {
    return `${share(leaked, holders)} over: ${say(longest(leaked))} ended and never gave its connection back.`
  }
  const stuck = holders.filter(h => h.phase === 'idle in transaction' || h.phase === 'failed transaction')
  if (stuck.length * 2 >= holders.length) {
    const worst = longest(stuck)
    return `${share(stuck, holders)} idle in a transaction, ${say(worst)} for ${duration(worst.phaseMs)}: the application does something else meanwhile.`
  }
  const busy = holders.filter(h => h.phase === 'executing')
  if (busy.length === holders.length) {
    const worst = longest(busy)
    return `All are executing, ${say(worst)} for ${duration(worst.phaseMs)}: slow statements, or too few connections for them.`
  }
  const worst = longest(holders)
  return `${busy.length} of ${holders.length} execute; ${say(worst)} is ${worst.phase} for ${duration(worst.phaseMs)}.`
}

/** What a lane shows of its holder; null if it has none. */
export function holderOnLane({ phase, checkout, request, forMs, overMs }: LaneStatus): Holder | null {
  if (!checkout) return null
  return {
    request: checkout.request,
    label: request?.label ?? checkout.request,
    site: checkout.site,
    phase: PHASES[phase],
    phaseMs: forMs,
    leakedMs: overMs,
  }
}

export const holderOf = (facts: HolderFacts): Holder => ({
  request: facts.request,
  label: facts.requestLabel ?? facts.request ?? 'work outside of any request',
  site: facts.site,
  phase: facts.state,
  phaseMs: facts.stateMs,
  leakedMs: null,
})

const PHASES: Record<LaneStatus['phase'], HolderFacts['state']> = {
  executing: 'executing',
  held: 'idle',
  'idle in transaction': 'idle in transaction',
  'failed transaction': 'failed transaction',
  free: 'idle',
  connecting: 'idle',
  'not opened': 'idle',
}

const longest = (holders: readonly Holder[]): Holder =>
  holders.reduce((worst, holder) => (holder.phaseMs > worst.phaseMs ? holder : worst))

const share = (some: readonly Holder[], all: readonly Holder[]): string => {
  if (some.length === all.length) return all.length === 1 ? 'Its holder is' : `All ${all.length} holders are`
  return `${some.length} of ${all.length} holders ${some.length === 1 ? 'is' : 'are'}`
}

const say = ({ label, site }: Holder): string =>
  site === null ? label : `${label} (${site.slice(site.lastIndexOf('/') + 1)})`
