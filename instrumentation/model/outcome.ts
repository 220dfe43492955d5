import type { Time } from './rows.ts'
import type { Request, Statement } from './state.ts'

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
  // What is prepared is committed only where the one that decided is; by itself it waits for somebody to end it.
  if (outcomes.has('rolled back'))
    return request.omitted === 0 && wroteNothing(rolledBack(request)) ? 'none' : 'rolled back'
  return outcomes.has('prepared') ? 'open' : 'none'
}

/** The response and the release of the last connection are told apart by less than this where all is well. */
const RELEASE_GRACE_MS = 250

/**
 * Over, and something of it is still out: an engine not released, a connection held, a transaction open. One that listens, or keeps a
 * lock, is out by design.
 */
export function isLeaking(request: Request, now: Time): boolean {
  if (request.endedAt === null) return false
  if (request.unreleased.some(engine => request.engines[engine] !== 'ended')) return true
  const isOut =
    request.checkouts.some(c => c.endedAt === null && c.keptFor === null) ||
    request.transactions.some(t => t.endedAt === null)
  return isOut && now - request.endedAt > RELEASE_GRACE_MS
}

/** Over, with nothing of it still out: nothing more will be told of it. */
export const isSettled = (request: Request): boolean =>
  request.endedAt !== null &&
  request.checkouts.every(c => c.endedAt !== null) &&
  request.transactions.every(t => t.endedAt !== null)

/** How long after its response a request gave its last connection back; 0 where it kept none. */
export function outlivedMs(request: Request): number {
  const { endedAt } = request
  if (endedAt === null) return 0
  const last = request.checkouts.reduce((latest, c) => Math.max(latest, c.endedAt ?? 0), 0)
  return last - endedAt > RELEASE_GRACE_MS ? last - endedAt : 0
}

/** COMMIT was asked for and the server answered ROLLBACK: nothing was kept, and no error was raised. */
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

const READ_COMMANDS =
  'SELECT,SHOW,EXPLAIN,DECLARE CURSOR,FETCH,CLOSE CURSOR,BEGIN,ROLLBACK,COMMIT,SAVEPOINT,RELEASE,SET,RESET'
const READS = new Set<string | null>([null, ...READ_COMMANDS.split(',')])

/** A session that only read ends its transaction with ROLLBACK: nothing was lost, so nothing was rolled back. */
export const wroteNothing = (statements: readonly Statement[]): boolean =>
  statements.every(s => READS.has(s.command))
