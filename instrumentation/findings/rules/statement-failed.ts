import { finding, nameOf, type RequestRule } from '../rule.ts'

/** A request failed in which a statement had failed without a transaction. */
export const statementFailed: RequestRule = function* (request) {
  if (request.outcome !== 'failed' && (request.status ?? 0) < 500) return
  if (request.transactions.some(({ failed }) => failed !== null)) return
  const refused = request.statements.find(({ error }) => error !== null)
  if (!refused?.error) return
  const { id, engine, connection, checkout, session, site, error } = refused
  yield finding('statement failed', id, {
    severity: 'warn',
    since: refused.endedAt ?? refused.startedAt,
    about: {
      engine,
      connection,
      statement: id,
      request: request.id,
      checkout: checkout ?? undefined,
      session: session ?? undefined,
    },
    site,
    sentence: `A statement of ${nameOf(request, request.id)} failed${site ? ` at ${site}` : ''}: ${[error.code, error.message].filter(Boolean).join(' ')}`,
  })
}
