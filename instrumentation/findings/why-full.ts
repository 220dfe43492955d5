import type { HolderFacts } from '../model/holder.ts'
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

/** Why a full pool stays full, the first that fits. */
const CAUSES = ['one request', 'nested', 'leak', 'idle in transaction', 'saturated', 'unknown'] as const
type Cause = (typeof CAUSES)[number]

/** Of the present, or of a moment that is over. */
type Tense = 'now' | 'then'

interface Full {
  readonly holders: readonly Holder[]
  /** The requests that wait. */
  readonly waiters: readonly (string | null)[]
  readonly tense: Tense
}

/** Why a full pool stays full, in one sentence: the first known cause that fits. */
export function whyFull(full: Full): string {
  if (full.holders.length === 0)
    return full.tense === 'now' ? 'Nobody is seen to hold a connection of it.' : 'No holder was seen.'
  for (const cause of CAUSES) {
    const sentence = SENTENCES[cause](full)
    if (sentence !== null) return sentence
  }
  return ''
}

const SENTENCES: { readonly [C in Cause]: (full: Full) => string | null } = {
  'one request'({ holders, waiters, tense }) {
    const [first] = holders
    const isIt = (holder: Holder) => holder.request === first!.request && holder.phase === 'executing'
    if (holders.length < 2 || !waits(waiters, first!) || !holders.every(isIt)) return null
    return tense === 'now'
      ? `${say(first!)} itself holds all ${holders.length} at once, and asks for more.`
      : `${say(first!)} itself held all ${holders.length} at once, and asked for more.`
  },
  nested({ holders, waiters, tense }) {
    const nested = holders.filter(holder => waits(waiters, holder) && holder.phase !== 'executing')
    if (nested.length === 0) return null
    const [holds, waited] = tense === 'now' ? ['holds', 'waits'] : ['held', 'waited']
    return `${say(longest(nested))} ${holds} one and ${waited} for another: requests that each need two can keep each other waiting for ever.`
  },
  leak({ holders, tense }) {
    const leaked = holders.filter(h => h.leakedMs !== null)
    if (leaked.length === 0) return null
    const ended = tense === 'now' ? 'ended and never gave' : 'had ended and not given'
    return `${share(leaked, holders, tense)} over: ${say(longest(leaked))} ${ended} its connection back.`
  },
  'idle in transaction'({ holders, tense }) {
    const stuck = holders.filter(h => h.phase === 'idle in transaction' || h.phase === 'failed transaction')
    if (stuck.length === 0 || stuck.length * 2 < holders.length) return null
    const worst = longest(stuck)
    const does = tense === 'now' ? 'does' : 'did'
    return `${share(stuck, holders, tense)} idle in a transaction, ${say(worst)} for ${duration(worst.phaseMs)}: the application ${does} something else meanwhile.`
  },
  saturated({ holders, tense }) {
    if (!holders.every(h => h.phase === 'executing')) return null
    const worst = longest(holders)
    const are = tense === 'now' ? 'are' : 'were'
    return `All ${are} executing, ${say(worst)} for ${duration(worst.phaseMs)}: slow statements, a lock, or too few connections for them.`
  },
  unknown({ holders, tense }) {
    const busy = holders.filter(h => h.phase === 'executing')
    const worst = longest(holders)
    const [execute, is] = tense === 'now' ? ['execute', 'is'] : ['executed', 'was']
    return `${busy.length} of ${holders.length} ${execute}; ${say(worst)} ${is} ${worst.phase} for ${duration(worst.phaseMs)}.`
  },
}

const waits = (waiters: Full['waiters'], { request }: Holder) => request !== null && waiters.includes(request)

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

export const holderOf = (facts: HolderFacts, leakedMs: number | null): Holder => ({
  request: facts.request,
  label: facts.requestLabel ?? facts.request ?? 'work outside of any request',
  site: facts.site,
  phase: facts.state,
  phaseMs: facts.stateMs,
  leakedMs,
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

function share(some: readonly Holder[], all: readonly Holder[], tense: Tense): string {
  const [is, are] = tense === 'now' ? ['is', 'are'] : ['was', 'were']
  if (some.length === all.length)
    return all.length === 1 ? `Its holder ${is}` : `All ${all.length} holders ${are}`
  return `${some.length} of ${all.length} holders ${some.length === 1 ? is : are}`
}

const say = ({ label, site }: Holder): string =>
  site === null ? label : `${label} (${site.slice(site.lastIndexOf('/') + 1)})`
