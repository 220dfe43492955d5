import { statementsOf, wroteNothing } from '../../model/fate.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { isRefused } from './transaction-failed.ts'

/** A COMMIT was answered with an error: a constraint that is checked only then, or a conflict of transactions. */
export const commitRefused: RequestRule = function* (request) {
  for (const transaction of request.transactions) {
    if (!isRefused(transaction, request)) continue
    const { id, engine, connection, session, asked, endedAt, startedAt } = transaction
    const all = statementsOf(transaction, request)
    const commit = all.at(-1)
    const wrote = all.filter(statement => statement !== commit && !wroteNothing([statement]))
    const lines = [...new Set(wrote.flatMap(({ site }) => site ?? []))]
    const error = commit?.error
    yield finding('commit refused', id, {
      severity: 'bad',
      since: endedAt ?? startedAt,
      about: {
        engine,
        connection,
        transaction: id,
        request: request.id,
        session: session ?? undefined,
        statement: commit?.id,
      },
      // Where it was written, not where the commit was asked for: that may be a line of a framework.
      site: lines.at(-1) ?? transaction.site,
      sentence: `The server refused the ${asked === 'prepare' ? 'PREPARE TRANSACTION' : 'COMMIT'} of ${nameOf(request, request.id)} on ${engine} with ${error?.code ?? 'an error'}: nothing was committed.`,
      why:
        `${error?.message ? `${error.message} ` : ''}${lines.length > 0 ? `It had written at ${lines.slice(-3).join(', ')}: a constraint that is deferred, or a conflict with another transaction, shows only now.` : ''}`.trim() ||
        null,
    })
  }
}
