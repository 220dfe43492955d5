import type { Time } from './rows.ts'
import type { Draft } from './draft.ts'
import { laneKey, type Connection, type LanePhase, type Segment } from './state.ts'

/** The board shows ten seconds; segments older than a minute are dropped. */
const SEGMENTS_KEPT_MS = 60_000
const SEGMENTS_KEPT = 4000

/** Closes the lane's current segment and opens another, if the connection now does something else. */
export function settleLane(draft: Draft, connectionId: string, at: Time): void {
  const connection = draft.get('connections', connectionId)
  if (!connection) return
  const key = laneKey(connection.pool, connection.slot)
  const lane = draft.get('lanes', key)
  // A late row of a connection whose slot was taken over must not change the new connection's lane.
  if (!lane || lane.connection !== connectionId) return
  const request = lane.checkout === null ? null : (draft.get('checkouts', lane.checkout)?.request ?? null)
  const phase = phaseOf(draft, connection, lane.checkout, request)
  const last = lane.segments.at(-1)
  if (last && last.to === null && last.phase === phase && last.request === request) return
  const edited = draft.edit('lanes', key)!
  // What is only counted is told late.
  const from = Math.max(at, last?.from ?? at)
  closeLast(edited.segments, from)
  edited.segments.push({ phase, from, to: null, request })
  forgetOld(edited.segments, at)
}

export function closeLast(segments: Segment[], at: Time): void {
  const last = segments.at(-1)
  if (last?.to === null) segments[segments.length - 1] = { ...last, to: at }
}

function phaseOf(
  draft: Draft,
  connection: Connection,
  checkout: string | null,
  request: string | null,
): LanePhase {
  if (connection.running.length > 0) return 'executing'
  if (request !== null && connection.counting === request) return 'executing'
  const transaction =
    connection.transaction === null ? null : draft.get('transactions', connection.transaction)
  if (transaction) return transaction.failed ? 'failed transaction' : 'idle in transaction'
  return checkout === null ? 'free' : 'held'
}

function forgetOld(segments: Segment[], now: Time): void {
  if (segments.length > SEGMENTS_KEPT) segments.splice(0, SEGMENTS_KEPT / 4)
  // Only now and then: trimming at each row would copy the list at each row.
  if (segments.length % 256 !== 0) return
  const firstKept = segments.findIndex(s => s.to === null || s.to > now - SEGMENTS_KEPT_MS)
  if (firstKept > 0) segments.splice(0, firstKept)
}
