import { duration } from '../../model/format.ts'
import type { Checkout, PanelState, Request } from '../../model/state.ts'
import { finding, nameOf, takenAt, type RequestRule } from '../rule.ts'
import { RELEASE_MS } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'

/** A request gave its last connection back long after it had ended. */
export const outlived: RequestRule = function* (request, { releaseMs }, _, { stalls }) {
  const late = lateRelease(request, stalls, releaseMs)
  if (!late) return
  const { id, engine, pool, site, session } = late.checkout
  yield finding('outlived', request.id, {
    severity: 'warn',
    since: late.endedAt,
    about: { engine, pool, checkout: id, request: request.id, session: session ?? undefined },
    site,
    sentence: `${nameOf(request, request.id)} gave its connection of ${engine} back ${duration(late.lateMs)} after it had ended${takenAt(late.checkout)}.`,
    why: 'It was over, and others could have used the connection.',
  })
}

/** The last release of a request, if that came too long after its end. */
export function lateRelease(
  { endedAt, checkouts }: Request,
  stalls: PanelState['stalls'] = new Map(),
  releaseMs = RELEASE_MS,
): { checkout: Checkout; endedAt: number; lateMs: number } | null {
  if (endedAt === null) return null
  let last: Checkout | null = null
  for (const checkout of checkouts)
    if (checkout.keptFor === null && (checkout.endedAt ?? 0) > (last?.endedAt ?? 0)) last = checkout
  if (!last?.endedAt || withoutStalls(stalls, endedAt, last.endedAt) <= releaseMs) return null
  return { checkout: last, endedAt, lateMs: last.endedAt - endedAt }
}
