import { finding, nameOf, type RequestRule } from '../rule.ts'

/** Something was written, and neither committed nor given up. */
export const commitForgotten: RequestRule = function* (request) {
  for (const { id, engine, connection, session, ending } of request.transactions) {
    if (ending?.why !== 'commit forgotten') continue
    const where = ending.site ? `, at first at ${ending.site},` : ''
    yield finding('commit forgotten', id, {
      severity: 'bad',
      since: ending.at,
      about: { engine, connection, transaction: id, request: request.id, session: session ?? undefined },
      site: ending.site,
      sentence: `What ${nameOf(request, request.id)} wrote on ${engine}${where} was rolled back: it ended without commit().`,
    })
  }
}
