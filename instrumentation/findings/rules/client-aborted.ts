import { finding, nameOf, type RequestRule } from '../rule.ts'

/** The client did not wait for the answer. */
export const clientAborted: RequestRule = function* (request) {
  const { id, outcome, endedAt, transactions } = request
  if (outcome !== 'aborted' || endedAt === null) return
  const lost = transactions.length > 0 ? ' Its work was rolled back.' : ''
  yield finding('client aborted', id, {
    severity: 'note',
    since: endedAt,
    about: { request: id },
    sentence: `The client of ${nameOf(request, id)} went away before the answer.${lost}`,
  })
}
