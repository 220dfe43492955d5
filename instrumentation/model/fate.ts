import type { EndReason } from '../../server-lib/channels/words.ts'
import type { Commit, Doubt, Request, Statement, Transaction } from './state.ts'

/**
 * What happened to a transaction, by its server's answers. `refused`: a commit was requested and ended in an error.
 * `lied`: a commit was answered with a rollback, without an error. `prepared`: neither, until it is resolved.
 */
export type Fate =
  | 'open'
  | 'failed'
  | 'ending'
  | 'prepared'
  | 'committed'
  | 'rolled back'
  | 'refused'
  | 'lied'
  | 'lost'
  | 'read only'

export const FATE_GLYPH: Record<Fate, string> = {
  open: '○',
  failed: '✕',
  ending: '◐',
  prepared: '!',
  committed: '✓',
  'rolled back': '↺',
  refused: '✕',
  lied: '✕',
  lost: '✕',
  'read only': '∅',
}

export const FATE_WORDS: Record<Fate, string> = {
  open: 'open',
  failed: 'failed, open',
  ending: 'ending',
  prepared: 'prepared',
  committed: 'committed',
  'rolled back': 'rolled back',
  refused: 'commit refused',
  lied: 'commit → rollback',
  lost: 'connection lost',
  'read only': 'read only',
}

export function fateOf(
  transaction: Transaction,
  request: Request | undefined,
  commit: Commit | undefined,
  doubts: ReadonlyMap<string, Doubt>,
): Fate {
  const { outcome, asked } = transaction
  switch (outcome) {
    case null:
      if (transaction.failed) return 'failed'
      return transaction.ending ? 'ending' : 'open'
    case 'lost':
      return isThrownAway(transaction, request) ? 'rolled back' : 'lost'
    case 'committed':
      return 'committed'
    case 'prepared':
      return fateOfPrepared(transaction, commit, doubts)
    case 'rolled back':
      if (asked === 'commit' || asked === 'prepare')
        return lastOf(transaction, request)?.error ? 'refused' : 'lied'
      // The session saw that it had failed, and did not send a COMMIT that could only be answered with a rollback.
      if (transaction.ending?.why === 'commit') return 'refused'
      return wroteNothing(statementsOf(transaction, request)) ? 'read only' : 'rolled back'
    default:
      return outcome satisfies never
  }
}

function fateOfPrepared(
  { engine, session }: Transaction,
  commit: Commit | undefined,
  doubts: ReadonlyMap<string, Doubt>,
): Fate {
  const gid = commit?.participants.find(p => p.session === session)?.gid
  const recovered = gid == null ? null : (doubts.get(gid)?.recovered ?? null)
  if (recovered !== null) return recovered
  const isDone = (step: string) =>
    commit?.steps.some(s => s.engine === engine && s.step === step && s.endedAt !== null && !s.error)
  if (isDone('commit prepared')) return 'committed'
  return isDone('rollback prepared') ? 'rolled back' : 'prepared'
}

/** Whether we closed the connection ourselves, so that the server rolled back what was open on it. */
const isThrownAway = ({ ending }: Transaction, request: Request | undefined) =>
  ending ? ending.why !== 'commit' : request?.outcome === 'aborted'

const lastOf = (transaction: Transaction, request: Request | undefined) =>
  request?.statements.findLast(s => s.transaction === transaction.id)

/** The statements that ran in it, without its BEGIN, which is sent before there is a transaction. */
export const statementsOf = (transaction: Transaction, request: Request | undefined) =>
  request?.statements.filter(s => s.transaction === transaction.id) ?? []

const WHY: Record<EndReason, string> = {
  commit: 'commit',
  rollback: 'rollback',
  release: 'session released',
  doomed: 'doomed',
  vetoed: 'vetoed',
  'failed elsewhere': 'another engine could not commit',
  'handler failed': 'the handler threw',
  'finished without commit': 'no commit was asked for',
  'commit forgotten': 'it ended without commit() after a write',
  'client aborted': 'the client went away',
  'engines closed': 'the engines were closed',
}

/** Why it ended, or what holds it up, and at which line of the application. */
export function whyOf(
  transaction: Transaction,
  request: Request | undefined,
): { why: string; site: string | null } {
  const { ending, failed, outcome, asked, site } = transaction
  const culprit = failed && request?.statements.find(s => s.id === failed.statement)
  if (failed && outcome !== 'lost') {
    const why = `a statement failed with ${failed.code ?? 'an error'}`
    return { why, site: culprit?.site ?? site }
  }
  if (outcome === 'lost' && isThrownAway(transaction, request))
    return { why: WHY[ending?.why ?? 'client aborted'], site: ending?.site ?? site }
  if (outcome === 'lost') {
    const last = request?.statements.findLast(s => s.connection === transaction.connection)
    return { why: `lost${last?.error?.code ? ` with ${last.error.code}` : ''}`, site: last?.site ?? site }
  }
  const last = lastOf(transaction, request)
  if (outcome === 'rolled back' && asked !== 'rollback' && last?.error)
    return {
      why: `${asked} failed with ${last.error.code ?? 'an error'}`,
      site: ending?.site ?? last.site ?? site,
    }
  if (ending) return { why: WHY[ending.why], site: ending.site ?? site }
  if (outcome === null) return { why: 'begun', site }
  return {
    why: asked === null ? 'ended by the server' : `${asked} outside of sessions`,
    site: last?.site ?? site,
  }
}

/** The largest number of savepoints set at the same time. */
export function savepointDepth({ savepoints }: Transaction): number {
  let deepest = 0
  const open: string[] = []
  for (const { name, action } of savepoints) {
    if (action === 'set') deepest = Math.max(deepest, open.push(name))
    else {
      const at = open.lastIndexOf(name)
      // Going back to a savepoint keeps it and removes those set after it.
      if (at >= 0) open.length = action === 'released' ? at : at + 1
    }
  }
  return deepest
}

const READ_COMMANDS =
  'SELECT,SHOW,EXPLAIN,DECLARE CURSOR,FETCH,CLOSE CURSOR,BEGIN,ROLLBACK,COMMIT,SAVEPOINT,RELEASE,SET,RESET'
const READS = new Set<string | null>([null, ...READ_COMMANDS.split(',')])

/**
 * A session that only read ends its transaction with ROLLBACK: nothing was lost, so it does not count as rolled back.
 */
export const wroteNothing = (statements: readonly Statement[]): boolean =>
  statements.every(s => READS.has(s.command))
