import { fateOf, whyOf } from '../../model/fate.ts'
import type { Request, Transaction } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** A commit was asked for, and the server answered it with a rollback and no error. */
export const liedCommit: RequestRule = function* (request) {
  for (const transaction of request.transactions) {
    if (!hasLied(transaction, request)) continue
    const { id, engine, connection, session, asked, endedAt, startedAt } = transaction
    const { why, site } = whyOf(transaction, request)
    const word = asked === 'prepare' ? 'PREPARE TRANSACTION' : 'COMMIT'
    yield finding('lied commit', id, {
      severity: 'bad',
      since: endedAt ?? startedAt,
      about: { engine, connection, transaction: id, request: request.id, session: session ?? undefined },
      site,
      sentence: `${nameOf(request, request.id)} committed nothing on ${engine}: the server answered ${word} with ROLLBACK.`,
      why: transaction.failed ? `Before that ${why}${site ? ` at ${site}` : ''}.` : null,
    })
  }
}

/** The outcome of a transaction that is not prepared depends on no commit, and on no doubt. */
export const hasLied = (transaction: Transaction, request: Request): boolean =>
  fateOf(transaction, request, undefined, NONE) === 'lied'

export const isLost = (transaction: Transaction, request: Request): boolean =>
  fateOf(transaction, request, undefined, NONE) === 'lost'

const NONE = new Map<string, never>()
