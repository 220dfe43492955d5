import { FINDING_KINDS, SEVERITIES, type Finding, type FindingKind } from '../model/finding.ts'
import type { ServerTruth } from '../model/protocol.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState, Request } from '../model/state.ts'
import { isSettled } from './outcome.ts'
import { finding, type Around, type Judged, type RequestRule, type Rule } from './rule.ts'
import { checkOutFailed } from './rules/check-out-failed.ts'
import { clientAborted } from './rules/client-aborted.ts'
import { commitForgotten } from './rules/commit-forgotten.ts'
import { connectFailed } from './rules/connect-failed.ts'
import { connectionLost } from './rules/connection-lost.ts'
import { idleInTransaction } from './rules/idle-in-transaction.ts'
import { inDoubt } from './rules/in-doubt.ts'
import { leak } from './rules/leak.ts'
import { libraryWarning } from './rules/library-warning.ts'
import { liedCommit } from './rules/lied-commit.ts'
import { outlived } from './rules/outlived.ts'
import { overdue } from './rules/overdue.ts'
import { poolFull } from './rules/pool-full.ts'
import { nPlusOne } from './rules/n-plus-one.ts'
import { duplicateStatements } from './rules/duplicate-statements.ts'
import { repeatedSequence } from './rules/repeated-sequence.ts'
import { statementBudget } from './rules/statement-budget.ts'
import { similarStatements } from './rules/similar-statements.ts'
import { stalled } from './rules/stalled.ts'
import { statementFailed } from './rules/statement-failed.ts'
import { transactionFailed } from './rules/transaction-failed.ts'
import { blocked } from './rules/blocked.ts'
import { commitRefused } from './rules/commit-refused.ts'
import { contextLost } from './rules/context-lost.ts'
import { nestedCheckOut } from './rules/nested-check-out.ts'
import { notEnded } from './rules/not-ended.ts'
import { nothingCommitted } from './rules/nothing-committed.ts'
import { poolFilled } from './rules/pool-filled.ts'
import { queued } from './rules/queued.ts'
import { readAfterWrite } from './rules/read-after-write.ts'
import { reconnecting } from './rules/reconnecting.ts'
import { sharedConnection } from './rules/shared-connection.ts'
import { strayStatement } from './rules/stray-statement.ts'
import { writeRefused } from './rules/write-refused.ts'
import type { Thresholds } from './thresholds.ts'

/** All rules, by the kind of what they find. */
const RULES = {
  'connect failed': connectFailed,
  'pool full': poolFull,
  blocked,
  overdue,
  'idle in transaction': idleInTransaction,
  'in doubt': inDoubt,
  'not ended': notEnded,
  stalled,
  reconnecting,
  'context lost': contextLost,
  'library warning': libraryWarning,
} satisfies Partial<Record<FindingKind, Rule>>

const REQUEST_RULES = {
  'check-out failed': checkOutFailed,
  'nested check-out': nestedCheckOut,
  'lied commit': liedCommit,
  'commit refused': commitRefused,
  leak,
  outlived,
  'client aborted': clientAborted,
  'commit forgotten': commitForgotten,
  'connection lost': connectionLost,
  'shared connection': sharedConnection,
  'write refused': writeRefused,
  'transaction failed': transactionFailed,
  'statement failed': statementFailed,
  'nothing committed': nothingCommitted,
  'stray statement': strayStatement,
  'read after write': readAfterWrite,
  'pool filled': poolFilled,
  queued,
  'n+1': nPlusOne,
  'repeated sequence': repeatedSequence,
  'duplicate statements': duplicateStatements,
  'similar statements': similarStatements,
  'statement budget': statementBudget,
} satisfies Record<Exclude<FindingKind, keyof typeof RULES | 'own rule'>, RequestRule>

/** What was found of a request that is settled: only a stall that is told late, or other limits, can change it. */
interface Settled {
  readonly stalls: PanelState['stalls']
  readonly thresholds: Thresholds
  readonly found: readonly Judged[]
}
const settled = new WeakMap<Request, Settled>()

/** Everything that is wrong, the worst first. `truth` is what the servers answered, or null if they were not asked. */
export function judge(
  state: PanelState,
  thresholds: Thresholds,
  now: Time,
  truth: ServerTruth | null = null,
): Judged[] {
  const found: Judged[] = []
  for (const [kind, rule] of Object.entries(RULES))
    found.push(...guarded(kind, () => rule(state, thresholds, now, truth)))
  for (const request of state.requests.values()) found.push(...judgeRequest(request, thresholds, now, state))
  return found.sort(byUrgency)
}

/** What is wrong with one request, in the order in which it is worth telling. */
export function judgeRequest(
  request: Request,
  thresholds: Thresholds,
  now: Time,
  around: Around,
): readonly Judged[] {
  const before = settled.get(request)
  if (before?.stalls === around.stalls && before.thresholds === thresholds) return before.found
  const found: Judged[] = []
  for (const [kind, rule] of Object.entries(REQUEST_RULES))
    for (const one of guarded(kind, () => rule(request, thresholds, now, around)))
      found.push(request.endedAt === null || one.kind === 'leak' ? one : { ...one, isOver: true })
  // The age of a leak grows, and what else is open may become one.
  if (isSettled(request) && !found.some(({ kind }) => kind === 'leak'))
    settled.set(request, { stalls: around.stalls, thresholds, found })
  return found
}

/** A rule that fails ends neither the others nor the application: it is told instead of what it finds. */
function guarded(kind: string, rule: () => Iterable<Judged>): Iterable<Judged> {
  try {
    return [...rule()]
  } catch {
    const sentence = `The rule of the panel for “${kind}” failed: what it finds is not told.`
    return [finding('library warning', `rule ${kind}`, { severity: 'warn', since: 0, about: {}, sentence })]
  }
}

/** What is so before what was; then the worst first, and among equals the newest. */
export const byUrgency = (a: Finding, b: Finding): number =>
  Number(a.isOver) - Number(b.isOver) ||
  SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
  FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind) ||
  newest(b) - newest(a)

/** One that lasts keeps its place while it does. */
const newest = ({ isOver, since, lastSeen }: Finding): Time => (isOver ? lastSeen : since)
