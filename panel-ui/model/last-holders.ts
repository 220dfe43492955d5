import type { Time } from '../../instrumentation/model/rows.ts'
import type { Segment } from '../../instrumentation/model/state.ts'

/** A request's stretch on a lane. `to` is null while it lasts. */
export interface PastHolder {
  readonly request: string
  readonly ms: number
  readonly to: Time | null
}

/** The last requests that held a lane, newest first, each hold once, whatever it did meanwhile. */
export function lastHolders(segments: readonly Segment[], most: number): PastHolder[] {
  const holders: PastHolder[] = []
  let next: Segment | undefined
  for (const segment of segments.toReversed()) {
    const { request, from, to } = segment
    const last = holders.at(-1)
    const isSameHold = next?.request === request && next.from === to
    next = segment
    if (request === null) continue
    const ms = (to ?? from) - from
    if (last && isSameHold) holders[holders.length - 1] = { ...last, ms: last.ms + ms }
    else if (holders.length === most) break
    else holders.push({ request, ms, to })
  }
  return holders
}
