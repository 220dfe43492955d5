import { wroteNothing } from '../model/fate.ts'
import type { Time } from '../model/rows.ts'
import type { Request, Statement } from '../model/state.ts'

/** How a request's work on its databases ended. */
export type Outcome = 'running' | 'committed' | 'rolled back' | 'failed' | 'none' | 'open'

export const OUTCOME_GLYPH: Record<Outcome, string> = {
  running: '…',
  committed: '✓',
  'rolled back': '↺',
  failed: '✕',
  none: '∅',
  open: '!',
}

export function outcomeOf(request: Request, now: Time): Outcome {
  if (request.endedAt === null) return 'running'
  if (isLeaking(request, now)) return 'open'
  if (request.outcome === 'aborted') return request.transactions.length > 0 ? 'rolled back' : 'none'
  if (isFailed(request)) return 'failed'
  const outcomes = new Set(request.transactions.map(t => t.outcome))
  if (outcomes.has('lost')) return 'failed'
  if (outcomes.has('committed')) return 'committed'
  // A prepared transaction is committed only if the deciding one is; alone it waits to be resolved.
  if (outcomes.has('rolled back'))
    return request.omitted === 0 && wroteNothing(rolledBack(request)) ? 'none' : 'rolled back'
  return outcomes.has('prepared') ? 'open' : 'none'
}

/** Where all is well, less time than this passes between the response and the last release. */
const RELEASE_GRACE_MS = 250

/**
 * Whether the request is over but an engine is unreleased, a connection held or a transaction open. A connection that
 * listens, or keeps a lock, is held by design and does not count.
 */
export function isLeaking(request: Request, now: Time): boolean {
  if (request.endedAt === null) return false
  if (request.unreleased.some(engine => request.engines[engine] !== 'ended')) return true
  const isOut =
    request.checkouts.some(c => c.endedAt === null && c.keptFor === null) ||
    request.transactions.some(t => t.endedAt === null)
  return isOut && now - request.endedAt > RELEASE_GRACE_MS
}

/** Over, with nothing of it still open: no more rows will come for it. */
export const isSettled = (request: Request): boolean =>
  request.endedAt !== null &&
  request.checkouts.every(c => c.endedAt !== null) &&
  request.transactions.every(t => t.endedAt !== null)

/** How long after its response a request released its last connection; 0 if it held none by then. */
export function outlivedMs(request: Request): number {
  const { endedAt } = request
  if (endedAt === null) return 0
  const last = request.checkouts.reduce((latest, c) => Math.max(latest, c.endedAt ?? 0), 0)
  return last - endedAt > RELEASE_GRACE_MS ? last - endedAt : 0
}

/** COMMIT was requested and the server answered ROLLBACK: nothing was kept, and no error was raised. */
export const committedNothing = (request: Request): boolean =>
  request.transactions.some(
    t =>
      t.asked === 'commit' &&
      t.outcome === 'rolled back' &&
      !request.statements.findLast(s => s.transaction === t.id)?.error,
  )

function isFailed(request: Request): boolean {
  return (
    request.outcome === 'failed' ||
    committedNothing(request) ||
    request.checkouts.some(c => c.state === 'failed') ||
    request.transactions.some(t => t.failed !== null)
  )
}

function rolledBack(request: Request): Statement[] {
  const ids = new Set(request.transactions.filter(t => t.outcome === 'rolled back').map(t => t.id))
  return request.statements.filter(s => s.transaction !== null && ids.has(s.transaction))
}
