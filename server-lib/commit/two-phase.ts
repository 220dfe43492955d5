import { randomUUID } from 'node:crypto'
import type { EnginelightError } from '../channels/errors.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { forgetCapability, type Capability } from './capability.ts'
import { commitFailed, unknownDecision } from './commit-errors.ts'
import type { TwoPhase } from '../dialect/two-phase.ts'
import { endPrepared } from './end-prepared.ts'
import { fence } from './recovery/fence.ts'
import { forgetSoon } from './forget-soon.ts'
import { endInBackground } from './left-behind.ts'
import { formatGid } from './gid.ts'
import type { Participant, Prepared } from './participant.ts'
import type { Plan } from './plan.ts'
import type { Telling } from './telling.ts'

type TwoPhasePlan = Extract<Plan, { mode: 'two-phase' }>

/** The outcome of the last participant's COMMIT, which decides for all. */
type Decision =
  | { readonly outcome: 'committed' }
  | { readonly outcome: 'aborted' | 'unknown'; readonly cause: unknown }

const twoPhaseOf = ({ engine }: Participant) => engine.dialect.twoPhase as TwoPhase

/** How long to try to end prepared transactions before the caller is answered and the attempts go on in the background. */
const PATIENCE_MS = 2_000

/** Names the transactions to prepare, and lists them for the decision row. */
export function named(
  { last, others, location }: TwoPhasePlan,
  application: string,
  capabilities: ReadonlyMap<Participant, Capability>,
): { transaction: string; decision: string } {
  const transaction = randomUUID()
  last.role = 'decides'
  const parts = others.map(one => {
    one.role = 'prepares'
    one.gid = formatGid({ application, transaction, engine: one.name, location })
    return { engine: one.name, database: capabilities.get(one)?.database ?? '', gid: one.gid }
  })
  // Half of its COMMIT's time: waiting for a lock held by its own prepared sibling would last for ever, because the
  // server cannot see that the two belong together.
  const limits = { idleTimeoutMs: last.limitMs, lockTimeoutMs: Math.ceil(last.limitMs / 2) }
  return { transaction, decision: twoPhaseOf(last).insertDecision(transaction, application, parts, limits) }
}

/**
 * Commits all or none. First the last participant inserts the decision row in its own open transaction: a missing table
 * or right shows while nothing is lost. Then the others prepare. The last participant's COMMIT is the decision: from
 * then on all are committed, whatever happens here, because any process that finds a prepared transaction asks for the
 * decision. Rejects when all are rolled back, or when the outcome is unknown.
 */
export async function twoPhase(
  { last, others, location }: TwoPhasePlan,
  { transaction, decision }: { transaction: string; decision: string },
  telling: Telling,
): Promise<void> {
  const engines = [...others, last].map(({ name }) => name)
  try {
    await telling.step(last.name, 'decision', async () => {
      const { held } = last.life
      const inserted = last.send(decision, last.limitMs)
      faultPoint('decision:sent', held?.driver.raw)
      const { command } = await inserted
      faultPoint('decision:answered', held?.driver.raw)
      return command
    })
  } catch (cause) {
    forgetCapability(last.engine)
    await abort(last, others, [])
    throw commitFailed(last.engine, 'The decision row', cause, engines)
  }

  // PREPARE first: it takes longest, and the next statement is answered meanwhile.
  const preparing = others.map(async one => [one, await one.prepare()] as const)
  const raised = last.send(twoPhaseOf(last).raiseDurability, last.limitMs).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const prepared = await Promise.all(preparing)
  const unraised = await raised
  const failure = prepared.find(([, { state }]) => state !== 'prepared')
  if (failure) {
    const [one, { cause }] = failure as [Participant, Exclude<Prepared, { state: 'prepared' }>]
    forgetCapability(one.engine)
    const open = prepared.filter(([, { state }]) => state !== 'refused').map(([each]) => each)
    await abort(last, others, open)
    throw commitFailed(one.engine, 'PREPARE', cause, engines)
  }

  if (unraised) {
    await abort(last, others, others)
    throw commitFailed(last.engine, 'The decision', unraised.error, engines)
  }

  const decided = await decide(last, transaction, location, telling)
  switch (decided.outcome) {
    case 'committed':
      return finish(last, others, transaction, telling)
    case 'aborted':
      await abort(last, others, others)
      throw commitFailed(last.engine, 'COMMIT', decided.cause, engines)
    case 'unknown':
      for (const one of [...others, last]) {
        one.outcome = 'unknown'
        if (one !== last) one.detach('rollback')
      }
      throw unknownDecision(last.name, transaction, engines, decided.cause)
    default:
      return decided satisfies never
  }
}

async function decide(
  last: Participant,
  transaction: string,
  location: string,
  telling: Telling,
): Promise<Decision> {
  try {
    await last.commit({ resolves: false })
    return { outcome: 'committed' }
  } catch (error) {
    const { code, cause = error } = error as EnginelightError
    if (code !== 'EL_COMMIT_UNKNOWN') return { outcome: 'aborted', cause }
    const outcome = await telling.step(last.name, 'resolve', () =>
      fence(last.engine, transaction, { deadlineMs: last.limitMs, location }),
    )
    if (outcome === 'committed') return { outcome }
    return { outcome, cause }
  }
}

/** Commits all prepared transactions: the decision stands. */
async function finish(
  last: Participant,
  others: readonly Participant[],
  transaction: string,
  telling: Telling,
): Promise<void> {
  last.outcome = 'committed'
  const ended = await Promise.all(others.map(one => endOne(one, 'commit')))
  // Only when no prepared transaction is left that could ask for it.
  if (ended.every(Boolean)) forgetSoon(last.engine, transaction, telling)
}

/** Rolls back open and possibly prepared transactions, without a decision or after a negative one. Never rejects. */
async function abort(
  last: Participant,
  others: readonly Participant[],
  prepared: readonly Participant[],
): Promise<void> {
  const rest = others.filter(one => !prepared.includes(one))
  await Promise.all([
    last.rollback(),
    ...rest.map(one => one.rollback()),
    ...prepared.map(one => endOne(one, 'rollback')),
  ])
  last.outcome = 'rolled back'
  for (const one of others) one.outcome = 'rolled back'
}

/**
 * Ends a prepared transaction: on its own connection, else on another. If neither succeeds it keeps trying after the
 * caller has been answered, while the engine is open; after that, recovery does. Resolves to whether it is done.
 */
async function endOne(one: Participant, how: 'commit' | 'rollback'): Promise<boolean> {
  const gid = one.gid as string
  let isDone = true
  try {
    await one.endPrepared(how)
  } catch {
    isDone = await endPrepared(one.engine, gid, how, PATIENCE_MS).then(
      () => true,
      () => false,
    )
  }
  one.detach(how)
  if (!isDone) endInBackground(one.engine, gid, how)
  if (how === 'commit') one.outcome = isDone ? 'committed' : 'committed, pending'
  return isDone
}
