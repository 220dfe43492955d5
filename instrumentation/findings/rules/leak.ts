import { ago, duration } from '../../model/format.ts'
import type { Time } from '../../model/rows.ts'
import type { Checkout, PanelState, Request } from '../../model/state.ts'
import { finding, nameOf, takenAt, type RequestRule } from '../rule.ts'
import { RELEASE_MS } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'

/** A request is over, and still holds a connection or has an open transaction. */
export const leak: RequestRule = function* (request, { releaseMs }, now, { stalls }) {
  const { id, endedAt } = request
  if (endedAt === null) return
  const told = (engine: string, subject: string, checkout?: Checkout) =>
    finding('leak', subject, {
      severity: 'bad',
      since: endedAt,
      about: {
        engine,
        request: id,
        pool: checkout?.pool,
        checkout: checkout?.id,
        connection: checkout?.connection ?? undefined,
        session: checkout?.session ?? undefined,
      },
      site: checkout?.site ?? null,
      sentence: `${nameOf(request, id)} ended ${ago(now - endedAt)} and still holds a connection of ${engine}${takenAt(checkout)}.`,
      why: 'Others cannot have it, and what is open on it stays locked, until its code gives it back.',
      afterwards: {
        sentence: `${nameOf(request, id)} held a connection of ${engine} for ${duration(now - endedAt)} or longer after it had ended${takenAt(checkout)}.`,
      },
    })
  const left = heldBeyond(request, now, stalls, releaseMs)
  for (const checkout of left) yield told(checkout.engine, checkout.id, checkout)
  const engines = new Set(left.map(({ engine }) => engine))
  for (const engine of openEngines(request, now, stalls, releaseMs))
    if (!engines.has(engine)) yield told(engine, `${id} ${engine}`)
}

/** Whether the request is over, and something of it is not given back. */
export const isLeaking = (
  request: Request,
  now: Time,
  stalls: PanelState['stalls'] = NONE,
  releaseMs = RELEASE_MS,
): boolean =>
  request.endedAt !== null &&
  (heldBeyond(request, now, stalls, releaseMs).length > 0 ||
    openEngines(request, now, stalls, releaseMs).size > 0)

/** How long ago the holder's request ended, if this hold is a leak; else null. */
export function leakedMs(
  { endedAt: releasedAt, keptFor }: Checkout,
  request: Request | null,
  now: Time,
  stalls: PanelState['stalls'],
  releaseMs = RELEASE_MS,
): number | null {
  const over = request?.endedAt ?? null
  // A connection that listens, or keeps a lock, is held by design.
  if (over === null || releasedAt !== null || keptFor !== null) return null
  return withoutStalls(stalls, over, now) > releaseMs ? now - over : null
}

const NONE: PanelState['stalls'] = new Map()

const heldBeyond = (request: Request, now: Time, stalls: PanelState['stalls'], releaseMs: number) =>
  request.checkouts.filter(
    checkout => checkout.state === 'held' && leakedMs(checkout, request, now, stalls, releaseMs) !== null,
  )

/** Engines whose release was not confirmed at the end, or whose transaction is open without a check-out that is seen. */
function openEngines(
  { endedAt, unreleased, engines, transactions }: Request,
  now: Time,
  stalls: PanelState['stalls'],
  releaseMs: number,
): Set<string> {
  const left = new Set(unreleased.filter(engine => engines[engine] !== 'ended'))
  if (endedAt !== null && withoutStalls(stalls, endedAt, now) > releaseMs)
    for (const { engine, endedAt: isOver } of transactions) if (isOver === null) left.add(engine)
  return left
}
