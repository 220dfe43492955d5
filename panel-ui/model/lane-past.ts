import { duration } from '../../instrumentation/model/format.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { Lane, PanelState, Segment } from '../../instrumentation/model/state.ts'
import { BOARD_MS } from './quiet-lane.ts'

/** So many stretches are read out; of a busier lane the latest ones. */
const TOLD = 6
const NOTHING = 'nothing in the last 10 seconds'

/** The picture of a lane in words, in the order of time, for readers who cannot see it. */
export function lanePast(state: PanelState, lane: Lane | undefined, now: Time): string {
  const stretches = stretchesOf(lane?.segments ?? [], now)
  if (stretches.length === 0) return NOTHING
  const told = stretches.slice(-TOLD).map(({ phase, ms, request, agoMs }) => {
    const label = request === null ? '' : ` for ${state.requests.get(request)?.label ?? request}`
    // Whole seconds: read aloud, and the same text for as long as possible.
    const when = agoMs < 1000 ? 'until now' : `until ${Math.floor(agoMs / 1000)} s ago`
    return `${phase} ${duration(Math.ceil(ms / 100) * 100)}${label}, ${when}`
  })
  const earlier = stretches.length - told.length
  return `${earlier > 0 ? `${earlier} earlier; ` : ''}${told.join('; ')}`
}

interface Stretch {
  readonly phase: Segment['phase']
  readonly request: string | null
  readonly ms: number
  readonly agoMs: number
}

/** What was seen on the lane, oldest first. Statements of one request that follow each other are one stretch. */
function stretchesOf(segments: readonly Segment[], now: Time): Stretch[] {
  const from = now - BOARD_MS
  const stretches: Stretch[] = []
  for (let i = segments.length - 1; i >= 0; i--) {
    const { phase, request, from: began, to } = segments[i]!
    const ended = to ?? now
    if (ended < from) break
    if (phase === 'free') continue
    const ms = Math.max(0, ended - Math.max(began, from))
    const later = stretches.at(-1)
    if (later && later.phase === phase && later.request === request)
      stretches[stretches.length - 1] = { ...later, ms: later.ms + ms }
    else stretches.push({ phase, request, ms, agoMs: now - ended })
  }
  return stretches.reverse()
}
