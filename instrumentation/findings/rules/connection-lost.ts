import { finding, nameOf, type RequestRule } from '../rule.ts'
import { isLost } from './lied-commit.ts'

/** A connection broke while a transaction was open on it, and we did not close it ourselves. */
export const connectionLost: RequestRule = function* (request) {
  for (const transaction of request.transactions) {
    if (!isLost(transaction, request)) continue
    const { id, engine, connection, session, endedAt, startedAt } = transaction
    const last = request.statements.findLast(s => s.connection === connection)
    const code = last?.error ? ` with ${last.error.code ?? last.error.message}` : ''
    yield finding('connection lost', id, {
      severity: 'bad',
      since: endedAt ?? startedAt,
      about: {
        engine,
        connection,
        transaction: id,
        request: request.id,
        session: session ?? undefined,
        statement: last?.id,
      },
      site: last?.site ?? transaction.site,
      sentence: `${nameOf(request, request.id)} lost its connection ${connection} to ${engine}${code}${last?.site ? ` at ${last.site}` : ''}, and what it had done there with it.`,
    })
  }
}
