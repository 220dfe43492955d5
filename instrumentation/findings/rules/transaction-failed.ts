import { count } from '../../model/format.ts'
import { fateOf } from '../../model/fate.ts'
import type { Request, Transaction } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { hasLied, isLost } from './lied-commit.ts'

/** The answer to each statement in a transaction that has failed. */
const IGNORED = '25P02'

/** A statement failed, and nothing but a rollback is possible since. */
export const transactionFailed: RequestRule = function* (request) {
  for (const transaction of request.transactions) {
    const { id, engine, connection, session, failed } = transaction
    // What became of it says more.
    if (!failed || hasLied(transaction, request) || isLost(transaction, request)) continue
    if (isRefused(transaction, request)) continue
    const statement = request.statements.find(s => s.id === failed.statement)
    const where = statement?.site ? ` at ${statement.site}` : ''
    yield finding('transaction failed', id, {
      severity: 'warn',
      since: failed.at,
      about: {
        engine,
        connection,
        transaction: id,
        request: request.id,
        session: session ?? undefined,
        statement: failed.statement,
      },
      site: statement?.site ?? transaction.site,
      sentence: `A statement of ${nameOf(request, request.id)} failed with ${failed.code ?? 'an error'}${where}, and with it the whole transaction on ${engine}.`,
      why: whatFollowed(transaction, request),
    })
  }
}

/** What was ignored after it, and where it was rolled back; null while nothing was. */
function whatFollowed({ id, ending, outcome }: Transaction, { statements }: Request): string | null {
  const ignored = statements.filter(s => s.transaction === id && s.error?.code === IGNORED).length
  const parts = [
    ignored > 0
      ? `${count(ignored, 'statement')} after it ${ignored === 1 ? 'was' : 'were'} ignored (${IGNORED})`
      : null,
    outcome === 'rolled back'
      ? `rolled back${ending?.site ? ` at ${ending.site}` : ''}: nothing was committed`
      : null,
  ].filter(part => part !== null)
  if (parts.length === 0) return null
  const text = parts.join('; ')
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}

/** Whether its COMMIT was sent, and answered with an error. */
export const isRefused = (transaction: Transaction, request: Request): boolean =>
  transaction.ending?.why !== 'commit' || transaction.asked !== null
    ? fateOf(transaction, request, undefined, NONE) === 'refused'
    : false

const NONE = new Map<string, never>()
