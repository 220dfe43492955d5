import { channels } from '../../channels/channels.ts'
import type { Engine } from '../../engines/engine.ts'
import { errorFacts } from '../../channels/errors.ts'
import { endPrepared } from '../end-prepared.ts'
import { askDecision, type Fenced } from './fence.ts'
import type { PreparedHere } from './look.ts'
import type { PreparedReport } from './recovery-report.ts'

/** How long one pass asks for a decision, or tries to end a prepared transaction. Another pass will come. */
const STEP_DEADLINE_MS = 2_000

/**
 * The outcome of the transaction, from each engine connected to a database with this id. Normally that is one database,
 * and two where one is a copy of the other: what either has committed is committed.
 */
export async function askAll(
  deciders: readonly Engine[],
  transaction: string,
  location: string,
): Promise<Fenced> {
  const [first, ...others] = deciders
  if (!first) {
    const reason = `the decision is in the database ${location}, and none that could be looked at has this id`
    return { decision: 'unknown', reason }
  }
  const answer = await askDecision(first, transaction, { deadlineMs: STEP_DEADLINE_MS, location })
  if (others.length === 0 || answer.decision === 'committed') return answer
  const rest = await askAll(others, transaction, location)
  return answer.decision === 'unknown' && rest.decision === 'aborted' ? answer : rest
}

/** Ends a prepared transaction as decided, or reports why not. Never rejects. */
export async function carryOut(
  engine: Engine,
  { gid, name, ageMs }: PreparedHere,
  { decision, reason }: Fenced,
  dryRun: boolean,
): Promise<PreparedReport> {
  const about = { engine: engine.name, gid, transaction: name.transaction, ageMs }
  if (decision === 'unknown') return { ...about, outcome: 'in doubt', reason }
  const outcome = decision === 'committed' ? 'committed' : 'rolled back'
  if (dryRun) return { ...about, outcome, reason: null }
  try {
    const action = decision === 'committed' ? 'commit' : 'rollback'
    const ended = await endPrepared(engine, gid, action, STEP_DEADLINE_MS)
    return { ...about, outcome: ended === 'done' ? outcome : 'gone', reason: null }
  } catch (error) {
    const { code, message } = errorFacts(error)
    const why = `it is ${decision}, and could not be ended: ${message}${code ? ` (${code})` : ''}`
    return { ...about, outcome: 'in doubt', reason: why }
  }
}

/** Publishes what was ended and what is left. */
export function tell({ engine, gid, transaction, ageMs, outcome, reason }: PreparedReport): void {
  if (!channels.commit.hasSubscribers) return
  const about = { at: performance.now(), engine, gid, transaction, ageMs }
  switch (outcome) {
    case 'committed':
    case 'rolled back':
      return channels.commit.publish({ phase: 'recovered', ...about, outcome })
    case 'in doubt':
      return channels.commit.publish({ phase: 'in doubt', ...about, reason: reason ?? '' })
    case 'gone':
    case 'young':
      return
    default:
      return outcome satisfies never
  }
}
