import type { Request } from './state.ts'

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

export function outcomeOf(request: Request): Outcome {
  if (request.endedAt === null) return 'running'
  if (isLeaking(request)) return 'open'
  if (isFailed(request)) return 'failed'
  const outcomes = new Set(request.transactions.map(t => t.outcome))
  if (outcomes.has('lost')) return 'failed'
  if (outcomes.has('committed') || outcomes.has('prepared')) return 'committed'
  if (outcomes.has('rolled back')) return wroteNothing(request) ? 'none' : 'rolled back'
  return 'none'
}

/** Over, and something of it is still out: an engine not released, a connection held, a transaction open. */
export function isLeaking(request: Request): boolean {
  if (request.endedAt === null) return false
  return (
    request.unreleased.length > 0 ||
    request.checkouts.some(c => c.state === 'held') ||
    request.transactions.some(t => t.endedAt === null)
  )
}

/** COMMIT was asked for and the server answered ROLLBACK: nothing was kept, and no error was raised. */
export const committedNothing = (request: Request): boolean =>
  request.transactions.some(t => t.asked === 'commit' && t.outcome === 'rolled back')

function isFailed(request: Request): boolean {
  return (
    request.outcome === 'failed' ||
    committedNothing(request) ||
    request.checkouts.some(c => c.state === 'failed') ||
    request.transactions.some(t => t.failed !== null)
  )
}

const READS = new Set(['SELECT', 'BEGIN', 'ROLLBACK', 'COMMIT', 'SHOW', 'SET', 'FETCH', 'CLOSE CURSOR', null])

/** A session that only read ends its transaction with ROLLBACK: nothing was lost, so nothing was rolled back. */
function wroteNothing(request: Request): boolean {
  return request.omitted === 0 && request.statements.every(s => READS.has(s.command))
}
