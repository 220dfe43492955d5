import type { EnginelightError } from '../channels/errors.ts'
import type { SessionState } from '../channels/words.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { commandOf, type DriverResult } from '../dialect/result.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { Ending } from './ending.ts'
import type { HeldConnection } from './held-connection.ts'
import * as errors from './session-errors.ts'
import type { SessionMove } from './session-state.ts'
import type { TransactionMark } from '../dialect/unknown-commit.ts'
import { markTransaction, outcomeOf } from './unknown-commit.ts'

export interface CommitOptions {
  /** Whether to fetch the transaction's id first, to ask for its outcome later. A decision row makes that unnecessary. */
  readonly resolves?: boolean
}

/** What is used of the life of the session. */
interface CommittingLife extends errors.SessionFacts {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  readonly state: SessionState
  readonly held: HeldConnection | undefined
  /** The first error of the open transaction, or the one that took its connection. */
  readonly failure: Error | undefined
  readonly firstFailure: errors.FirstFailure
  announceEnd(ending: Ending): void
  move(move: SessionMove): void
  lose(held: HeldConnection, error: Error): void
  giveBack(): void
  rollBack(held: HeldConnection, move: 'rollback'): Promise<void>
  lostError(): EnginelightError
}

/** Commits the session's transaction, and releases its connection. */
export async function commit(
  life: CommittingLife,
  ending: Ending,
  { resolves = true }: CommitOptions = {},
): Promise<void> {
  const held = life.held
  if (life.state === 'idle') return
  // Lost between two steps of a commit over many engines: it must not pass for a session with nothing to commit.
  if (!held) throw life.lostError()
  life.announceEnd(ending)
  const failure = life.firstFailure
  if (life.state === 'failed') {
    await life.rollBack(held, 'rollback')
    throw errors.commitRolledBack(life, failure)
  }
  // pg would refuse to send COMMIT on it, and the outcome would look unknown.
  if (held.driver.isClosed) {
    life.lose(held, new Error('the connection was closed'))
    throw errors.connectionLost(life, life.failure, 'before COMMIT was sent')
  }
  const { commitTimeoutMs } = life.engine.options
  const mark = resolves ? await markOf(life, held) : undefined
  let result: DriverResult
  try {
    faultPoint('commit:due', held.driver.raw)
    const answered = held.control(life.engine.dialect.texts.commit, commitTimeoutMs)
    faultPoint('commit:sent', held.driver.raw)
    result = await answered
    faultPoint('commit:answered', held.driver.raw)
  } catch (cause) {
    const failed = commitFailed(life, held, cause as Error, mark)
    if (failed.code !== 'EL_COMMIT_UNKNOWN' || !mark) throw failed
    return resolve(life, failed, mark)
  }
  const committed = commandOf(result) === 'COMMIT'
  // The commit holds even when the connection is lost in the very packet that reports it.
  life.move(committed && life.held === held ? 'commit' : 'rollback')
  life.giveBack()
  if (!committed) throw errors.commitRolledBack(life, failure)
}

/** Fetches the transaction's id, for engines with `resolveUnknownCommit`. */
async function markOf(life: CommittingLife, held: HeldConnection): Promise<TransactionMark | undefined> {
  const { resolveUnknownCommit, rule, access, checkoutTimeoutMs } = life.engine.options
  const { unknownCommit } = life.engine.dialect
  if (!resolveUnknownCommit || !unknownCommit || !rule.begins || access === 'read') return undefined
  try {
    return await markTransaction(unknownCommit, held, checkoutTimeoutMs)
  } catch (cause) {
    // COMMIT was not sent, so the outcome is known here.
    if (life.engine.dialect.errors.failureOf(cause) === 'statement')
      throw commitFailed(life, held, cause as Error)
    life.lose(held, cause as Error)
    throw errors.connectionLost(life, life.failure ?? cause, 'before COMMIT was sent')
  }
}

function commitFailed(
  life: CommittingLife,
  held: HeldConnection,
  cause: Error,
  mark?: TransactionMark,
): EnginelightError {
  if (life.engine.dialect.errors.failureOf(cause) === 'connection') {
    life.lose(held, cause)
    return errors.commitUnknown(life, life.failure ?? cause, mark?.xid)
  }
  life.move('rollback')
  life.giveBack()
  return errors.commitFailed(life, cause)
}

/** Asks the server for the outcome of a COMMIT that was not answered. Throws nothing if it was committed. */
async function resolve(
  life: CommittingLife,
  unknown: EnginelightError,
  mark: TransactionMark,
): Promise<void> {
  const asker = () => ({ session: life.id, request: life.request, capture: null })
  const outcome = await outcomeOf(life.engine, asker, mark, life.engine.options.commitTimeoutMs)
  if (outcome === 'unknown') throw unknown
  if (life.state === 'lost') life.move('release')
  if (outcome === 'aborted')
    throw errors.commitRolledBack(life, { error: unknown.cause as Error, statement: undefined })
}
