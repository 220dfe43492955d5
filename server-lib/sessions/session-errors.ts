import { codeAndMessage, EnginelightError, errorFacts } from '../errors.ts'
import { legalMoves, type SessionMove, type SessionState } from './session-state.ts'

/** What a session's errors name: itself, its engine, its request. */
export interface SessionFacts {
  readonly id: string
  readonly engine: { readonly name: string }
  readonly request: { readonly id: string; readonly label: string }
}

const called = ({ id, engine }: SessionFacts) => `session ${id} of engine "${engine.name}"`
const numbers = ({ id, engine }: SessionFacts) => ({ engine: engine.name, session: id })

function sqlstate(cause: unknown): { sqlstate?: string } {
  const { code } = errorFacts(cause)
  return code === null ? {} : { sqlstate: code }
}

export function illegalMove(session: SessionFacts, state: SessionState, move: SessionMove): EnginelightError {
  const legal = legalMoves(state)
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${move}() is not possible while ${called(session)} is ${state}; possible: ${legal.join(', ')}.`,
    { ...numbers(session), state, move, legalMoves: legal },
  )
}

type Backend = { readonly processID?: number | null }

export function inAnotherTransaction(session: SessionFacts, held: Backend, here: Backend): EnginelightError {
  const of = ({ processID }: Backend) => `backend ${processID ?? 'unknown'}`
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${called(session)} has a savepoint open in a transaction of its host (${of(held)}), and this statement is in another one (${of(here)}). ` +
      'Await the savepoint first, or take a session of its own by engines.scope().',
    { ...numbers(session), move: 'query', legalMoves: [] },
  )
}

export function needsTransaction(session: SessionFacts, what: string): EnginelightError {
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${what} needs a transaction, and engine "${session.engine.name}" is in autocommit.`,
    { ...numbers(session), move: what, legalMoves: [] },
  )
}

export function onlyReads(session: SessionFacts, words: string): EnginelightError {
  return new EnginelightError(
    'EL_TRANSACTION_CONTROL',
    `${words} as text is refused on session ${session.id} of engine "${session.engine.name}", which only reads: it would let it write, or end what keeps it from writing. It was not sent.`,
    { ...numbers(session), move: words },
  )
}

export function containerEnds(
  session: SessionFacts,
  move: 'commit' | 'rollback' | 'release',
): EnginelightError {
  const instead =
    move === 'commit'
      ? 'a request behind sessions(…) is committed by itself, and anything else by db.commit()'
      : 'db.rollback() takes back all of it, and savepoint(fn) a part'
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${move}() is not for ${called(session)}, which is transactional: ${instead}.`,
    { ...numbers(session), move, legalMoves: ['savepoint'] },
  )
}

export function hostEnds(session: SessionFacts, move: 'commit' | 'rollback'): EnginelightError {
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${move}() is not for ${called(session)}, which runs in its host's transaction: the host ends it, and savepoint(fn) takes back a part.`,
    { ...numbers(session), move, legalMoves: ['savepoint', 'release'] },
  )
}

export function sessionEnded(session: SessionFacts, cause?: unknown): EnginelightError {
  const { label, id } = session.request
  return new EnginelightError(
    'EL_ENDED',
    `The ${called(session)} has ended with its request, ${label} (${id}).`,
    {
      ...numbers(session),
      cause,
    },
  )
}

export function connectionLost(session: SessionFacts, cause: unknown, when: string): EnginelightError {
  if (cause instanceof EnginelightError) return cause
  return new EnginelightError(
    'EL_CONNECTION_LOST',
    `The connection of ${called(session)} was lost ${when}: ${codeAndMessage(cause)}.`,
    {
      ...numbers(session),
      ...sqlstate(cause),
      cause,
    },
  )
}

export function transactionFailed(session: SessionFacts, first: Error): EnginelightError {
  return new EnginelightError(
    'EL_TRANSACTION_FAILED',
    `The transaction of ${called(session)} failed before this statement (${codeAndMessage(first)}); only rollback() is possible.`,
    { ...numbers(session), sqlstate: '25P02', cause: first },
  )
}

export function commitRolledBack(session: SessionFacts, cause: unknown): EnginelightError {
  const why =
    cause === undefined
      ? 'the server rolled it back'
      : `an earlier statement had failed (${codeAndMessage(cause)})`
  return new EnginelightError(
    'EL_COMMIT_ROLLED_BACK',
    `Nothing of ${called(session)} was committed: ${why}.`,
    {
      ...numbers(session),
      cause,
    },
  )
}

export function commitFailed(session: SessionFacts, cause: Error): EnginelightError {
  return new EnginelightError(
    'EL_COMMIT_FAILED',
    `COMMIT of ${called(session)} failed and everything was rolled back: ${codeAndMessage(cause)}.`,
    { ...numbers(session), ...sqlstate(cause), cause },
  )
}

export function commitUnknown(session: SessionFacts, cause: Error, transactionId?: string): EnginelightError {
  return new EnginelightError(
    'EL_COMMIT_UNKNOWN',
    `The connection of ${called(session)} was lost before COMMIT was answered (${codeAndMessage(cause)}): whether it is committed is unknown.${transactionId === undefined ? '' : ` select pg_xact_status('${transactionId}') tells.`}`,
    { ...numbers(session), ...(transactionId !== undefined && { transactionId }), cause },
  )
}

export function noProtocol(session: SessionFacts): EnginelightError {
  return new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `Streams, cursors and toArrow() drive the protocol themselves, and ${called(session)} is on pg-native, which lets nobody: use pg's own client, or query().`,
    numbers(session),
  )
}
