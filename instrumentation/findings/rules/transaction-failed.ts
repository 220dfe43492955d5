import { finding, nameOf, type RequestRule } from '../rule.ts'
import { hasLied, isLost } from './lied-commit.ts'

/** A statement failed, and nothing but a rollback is possible since. */
export const transactionFailed: RequestRule = function* (request) {
  for (const transaction of request.transactions) {
    const { id, engine, connection, session, failed } = transaction
    // What became of it says more.
    if (!failed || hasLied(transaction, request) || isLost(transaction, request)) continue
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
    })
  }
}
