import { finding, nameOf, type RequestRule } from '../rule.ts'

/** A connection was handed on while a statement of its previous holder still ran on it: both have it. */
export const sharedConnection: RequestRule = function* (request, _, __, { requests }) {
  for (const {
    id,
    engine,
    pool,
    connection,
    session,
    site,
    acquiredAt,
    askedAt,
    foundRunning,
  } of request.checkouts) {
    if (!foundRunning) continue
    const { request: other, site: otherSite, id: statement } = foundRunning
    yield finding('shared connection', id, {
      severity: 'bad',
      since: acquiredAt ?? askedAt,
      about: {
        engine,
        pool,
        checkout: id,
        connection: connection ?? undefined,
        request: request.id,
        statement,
        session: session ?? undefined,
      },
      site,
      sentence: `${nameOf(request, request.id)}${at(site)} got connection ${connection ?? '?'} of ${engine} while a statement of ${nameOf(requests.get(other), other)}${at(otherSite)} still ran on it: two holders have it.`,
      why: 'The pool handed it on too early, as knex does with a stream that was read to its end before its portal was closed. What one of them ends or fails, the other loses.',
    })
  }
}

const at = (site: string | null) => (site === null ? '' : ` (${site})`)
