import type { Time } from '../model/rows.ts'
import { ago, duration } from '../model/format.ts'
import type { Checkout, Lane, LanePhase, PanelState, Request } from '../model/state.ts'
import { leakedMs } from './rules/leak.ts'
import { limitsOf, thresholdsOf } from './thresholds.ts'
import { withoutStalls } from './without-stalls.ts'

export type Tone = 'calm' | 'quiet' | 'warn' | 'bad'

/** One lane in words, as of now. */
export interface LaneStatus {
  readonly phase: LanePhase | 'not opened'
  /** `idle in transaction`, and for how long: `3.9 s`. */
  readonly words: string
  readonly forHow: string
  readonly forMs: number
  /** How long ago the holder's request ended, if this is a leak. */
  readonly overMs: number | null
  readonly tone: Tone
  readonly checkout: Checkout | null
  readonly request: Request | null
  /** How many holds there were in the last second: too many to name one holder. */
  readonly holdsPerSecond: number
}

/** The lanes of a pool in words, slot by slot. */
export function laneStatuses(
  state: PanelState,
  lanes: readonly (Lane | undefined)[],
  waiting: number,
  now: Time,
): LaneStatus[] {
  // The start of a connection is not reported: if there are waiters and unopened slots, one is on its way.
  let opening = waiting
  return lanes.map(lane => {
    const isOpening = !lane?.connection && opening > 0
    if (isOpening) opening -= 1
    return laneStatus(state, lane, isOpening, now)
  })
}

/** From so many holds in a second on, no single holder can be read. */
const BRISK = 3

export function laneStatus(
  state: PanelState,
  lane: Lane | undefined,
  isOpening: boolean,
  now: Time,
): LaneStatus {
  const nobody = { checkout: null, request: null, holdsPerSecond: 0, forMs: 0, overMs: null }
  if (!lane?.connection) {
    if (isOpening) return { ...nobody, phase: 'connecting', words: 'connecting', forHow: '', tone: 'calm' }
    return { ...nobody, phase: 'not opened', words: 'not open', forHow: '', tone: 'quiet' }
  }
  const last = lane.segments.at(-1)
  const phase = last?.phase ?? 'free'
  const since = Math.max(0, now - (last?.from ?? now))
  const checkout = lane.checkout === null ? null : (state.checkouts.get(lane.checkout) ?? null)
  const request = checkout ? (state.requests.get(checkout.request) ?? null) : null
  const holdsPerSecond = recentHolds(lane, now)
  const common = {
    phase,
    checkout,
    request,
    holdsPerSecond: holdsPerSecond >= BRISK ? holdsPerSecond : 0,
    forMs: since,
    overMs: null,
  }
  const overMs = checkout && leakedMs(checkout, request, now, state.stalls)
  if (overMs !== null)
    return { ...common, overMs, words: 'leak: request ended', forHow: ago(overMs), tone: 'bad' }
  const keptFor = phase === 'held' ? (checkout?.keptFor ?? null) : null
  if (keptFor !== null) return { ...common, words: keptFor, forHow: duration(since), tone: 'calm' }
  const tone = toneOf(state, lane.engine, phase, now - since, now)
  return { ...common, words: WORDS[phase], forHow: duration(since), tone }
}

const WORDS: Record<LanePhase, string> = {
  free: 'free',
  connecting: 'connecting',
  executing: 'executing',
  held: 'held idle',
  'idle in transaction': 'idle in tx',
  'failed transaction': 'failed tx',
}

/** A lane that keeps others out for longer than its engine allows gets a colour. */
function toneOf(state: PanelState, engine: string, phase: LanePhase, from: Time, now: Time): Tone {
  const limits = limitsOf(thresholdsOf(state), engine)
  const spent = withoutStalls(state.stalls, from, now)
  switch (phase) {
    case 'free':
      return 'quiet'
    case 'connecting':
    case 'executing':
      return 'calm'
    case 'held':
      return spent >= limits.heldTooLongMs ? 'bad' : 'calm'
    case 'idle in transaction':
      if (spent >= limits.idleTooLongMs) return 'bad'
      return spent >= limits.idleInTransactionMs ? 'warn' : 'calm'
    case 'failed transaction':
      return 'bad'
    default:
      return phase satisfies never
  }
}

function recentHolds(lane: Lane, now: Time): number {
  let holds = 0
  for (let i = lane.segments.length - 1; i >= 0; i--) {
    const segment = lane.segments[i]!
    if (segment.from < now - 1000) break
    if (segment.phase !== 'free' && lane.segments[i - 1]?.request !== segment.request) holds += 1
  }
  return holds
}
