import { wroteNothing } from '../model/fate.ts'
import type { Time } from '../model/rows.ts'
import type { Request, Statement } from '../model/state.ts'
import { isLeaking } from './rules/leak.ts'
import { hasLied } from './rules/lied-commit.ts'

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

export const OUTCOME_WORDS: Record<Outcome, string> = {
  running: 'running',
  committed: 'committed',
  'rolled back': 'rolled back',
  failed: 'failed',
  none: 'no commit',
  open: 'left open',
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

/** Over, with nothing of it still open: no more rows will come for it. */
export const isSettled = (request: Request): boolean =>
  request.endedAt !== null &&
  request.checkouts.every(c => c.endedAt !== null) &&
  request.transactions.every(t => t.endedAt !== null)

function isFailed(request: Request): boolean {
  return (
    request.outcome === 'failed' ||
    request.transactions.some(transaction => hasLied(transaction, request)) ||
    request.checkouts.some(c => c.state === 'failed') ||
    request.transactions.some(t => t.failed !== null)
  )
}

function rolledBack(request: Request): Statement[] {
  const ids = new Set(request.transactions.filter(t => t.outcome === 'rolled back').map(t => t.id))
  return request.statements.filter(s => s.transaction !== null && ids.has(s.transaction))
}
