import { codeAndMessage, EnginelightError, type ErrorCode } from '../channels/errors.ts'
import type { Language } from '../dialect/language.ts'
import { failureOf, serverCodeOf } from '../dialect/known-dialects.ts'

const list = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ')

export function doomed(label: string, cause: unknown): EnginelightError {
  const why = cause instanceof Error ? codeAndMessage(cause) : 'doom() was called'
  return new EnginelightError(
    'EL_DOOMED',
    `The unit of work of ${label} is doomed (${why}): nothing was committed, and only rollback() is possible.`,
    { cause },
  )
}

export function illegal(move: string, state: string, label: string, cause?: unknown): EnginelightError {
  const why =
    state === 'failed'
      ? 'a commit has failed and everything is rolled back; db.rollback() begins anew'
      : `the container is ${state}`
  return new EnginelightError('EL_ILLEGAL_MOVE', `${move} is not possible in ${label}: ${why}.`, {
    state,
    move,
    legalMoves: state === 'committing' || state === 'asking' ? [] : ['rollback'],
    cause,
  })
}

/** A step before the decision failed, and everything is rolled back. */
export function commitFailed(
  { name: engine, dialect }: { readonly name: string; readonly dialect: Language },
  step: string,
  failure: unknown,
  engines: readonly string[],
): EnginelightError {
  if (isOurs(failure, 'EL_COMMIT_ROLLED_BACK')) return failure
  // Lost before the step or during it: to the caller it is the same.
  const cause = isOurs(failure, 'EL_CONNECTION_LOST') ? (failure.cause ?? failure) : failure
  const sqlstate = serverCodeOf(cause)
  const refused =
    step === 'PREPARE' && sqlstate !== undefined ? dialect.twoPhase?.notPrepared[sqlstate] : undefined
  const fields = { engine, failed: engines, cause, ...(sqlstate !== undefined && { sqlstate }) }
  if (refused !== undefined) {
    return new EnginelightError(
      'EL_TWO_PHASE_UNAVAILABLE',
      `Engine "${engine}" could not be prepared: ${refused}. Everything was rolled back on ${list(engines)}.`,
      fields,
    )
  }
  return new EnginelightError(
    failureOf(cause) === 'connection' ? 'EL_CONNECTION_LOST' : 'EL_COMMIT_FAILED',
    `${step} of engine "${engine}" failed and everything was rolled back on ${list(engines)}: ${codeAndMessage(cause)}.`,
    fields,
  )
}

function isOurs(error: unknown, code: ErrorCode): error is EnginelightError {
  return error instanceof EnginelightError && error.code === code
}

export function unavailable(reasons: readonly string[], engines: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_TWO_PHASE_UNAVAILABLE',
    `${list(engines)} have written and requireTwoPhase is set, but ${reasons.join('; ')}. Everything was rolled back.`,
    { failed: engines },
  )
}

export function unknownDecision(
  engine: string,
  transaction: string,
  engines: readonly string[],
  cause: unknown,
): EnginelightError {
  return new EnginelightError(
    'EL_COMMIT_UNKNOWN',
    `COMMIT of engine "${engine}", which is the decision for ${list(engines)}, was not answered (${codeAndMessage(cause)}), and whether it is committed could not be found out. It is all or nothing, and recovery finds out which for transaction ${transaction}.`,
    { engine, unknown: engines, transactionId: transaction, cause },
  )
}

export function partial(
  engine: string,
  parts: { committed: readonly string[]; failed: readonly string[]; unknown: readonly string[] },
  cause: unknown,
): EnginelightError {
  const { committed, failed, unknown } = parts
  const said = [
    committed.length > 0 && `${list(committed)} committed`,
    failed.length > 0 && `${list(failed)} rolled back`,
    unknown.length > 0 && `${list(unknown)} unknown`,
  ].filter(Boolean)
  const sqlstate = serverCodeOf(cause) ?? (cause as { sqlstate?: string }).sqlstate
  return new EnginelightError(
    'EL_PARTIAL_COMMIT',
    `Not all is committed: engine "${engine}" failed (${codeAndMessage(cause)}): ${said.join(', ')}.`,
    { engine, ...parts, cause, ...(sqlstate !== undefined && { sqlstate }) },
  )
}
