import { describe } from '../channels/describe.ts'
import { codeAndMessage, EnginelightError, errorFacts } from '../channels/errors.ts'
import type { FailedStatement } from './failed-statement.ts'
import type { SessionState } from '../channels/words.ts'
import { legalMoves, type SessionMove } from './session-state.ts'

/** What the errors of a session name: itself, its engine, its request. */
export interface SessionFacts {
  readonly id: string
  readonly engine: { readonly name: string }
  readonly request: { readonly id: string; readonly label: string }
}

/** A session of a database that lacks something. */
type OnDatabase = SessionFacts & { readonly engine: { readonly dialect: { readonly title: string } } }

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

export function inAnotherTransaction(
  session: SessionFacts,
  held: number | null,
  here: number | null,
): EnginelightError {
  const of = (id: number | null) => `backend ${id ?? 'unknown'}`
  return new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `${called(session)} has a savepoint open in a transaction of its host (${of(held)}), and this statement is in another one (${of(here)}). ` +
      'Await the savepoint first, or take a session of its own by engines.scope().',
    { ...numbers(session), move: 'query', legalMoves: [] },
  )
}

export function unsupported(session: OnDatabase, what: string): EnginelightError {
  return new EnginelightError(
    'EL_CONFIG',
    `${called(session)} cannot begin its transaction: ${session.engine.dialect.title} does not have ${what}.`,
    { ...numbers(session), option: what.startsWith('the isolation') ? 'isolation' : 'readOnly' },
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

/** A move of the session has undone its open savepoints. */
export function unitsEnded(session: SessionFacts, move: string): EnginelightError {
  return new EnginelightError(
    'EL_ENDED',
    `${move} of ${called(session)} has undone the savepoint that was open: what is sent from inside of it afterwards is refused.`,
    { ...numbers(session), move },
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

/** The driver or knex gave up on the statement. It may still run, so its connection was closed. */
export function unansweredStatement(session: SessionFacts, cause: Error): EnginelightError {
  return new EnginelightError(
    'EL_STATEMENT_TIMEOUT',
    `A statement of ${called(session)} had no answer in time, and its connection was closed: ${codeAndMessage(cause)}.`,
    { ...numbers(session), cause },
  )
}

/** The first failure in a transaction: the error, and its statement where that is known. */
export interface FirstFailure {
  readonly error: Error | undefined
  readonly statement: FailedStatement | undefined
}

/** `insert into t (v) values ($1) at orders.ts:41: 23505, duplicate key …`. */
export const saidOf = ({ error, statement }: FirstFailure) =>
  [statement, error && codeAndMessage(error)].filter(Boolean).join(': ') || 'unknown'

export const statementOf = ({ statement }: FirstFailure) =>
  statement ? { statement: String(statement) } : {}

export function transactionFailed(session: SessionFacts, first: FirstFailure): EnginelightError {
  return new EnginelightError(
    'EL_TRANSACTION_FAILED',
    `The transaction of ${called(session)} failed before this statement (${saidOf(first)}); only rollback() is possible.`,
    { ...numbers(session), ...statementOf(first), sqlstate: '25P02', cause: first.error },
  )
}

export function commitRolledBack(session: SessionFacts, first: FirstFailure): EnginelightError {
  const why =
    first.error === undefined
      ? 'the server rolled it back'
      : `an earlier statement had failed (${saidOf(first)})`
  return new EnginelightError(
    'EL_COMMIT_ROLLED_BACK',
    `Nothing of ${called(session)} was committed: ${why}.`,
    { ...numbers(session), ...statementOf(first), cause: first.error },
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

export function noText(session: SessionFacts, what: 'text' | 'name', value: unknown): EnginelightError {
  return new EnginelightError(
    'EL_CONFIG',
    `The ${what} of a statement of ${called(session)} must be a string, not ${describe(value)}. Nothing was sent.`,
    { ...numbers(session), option: what },
  )
}

export function noStreams(session: OnDatabase): EnginelightError {
  return new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `stream() is not possible in ${called(session)}: the driver of ${session.engine.dialect.title} reads each result at once.`,
    numbers(session),
  )
}

export function noProtocol(session: SessionFacts): EnginelightError {
  return new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `Streams, cursors and toArrow() drive the protocol themselves, and ${called(session)} is on pg-native, which does not allow that: use pg's own client, or query().`,
    numbers(session),
  )
}
