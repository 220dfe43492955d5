import { count, duration } from '../../model/format.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { groupsOf } from '../similar.ts'

/** One line of a request sent one statement again and again. */
export const similarStatements: RequestRule = function* (request, { similarFrom }) {
  // What ran outside of any request belongs to many callers.
  if (request.kind === 'no context') return
  for (const { ids, first, spentMs } of groupsOf(request.statements, similarFrom))
    yield finding('similar statements', first.id, {
      severity: 'warn',
      since: first.startedAt,
      about: {
        engine: first.engine,
        statement: first.id,
        request: request.id,
        session: first.session ?? undefined,
      },
      site: first.site,
      sentence: `${nameOf(request, request.id)} sent ${count(ids.length, 'similar statement')} from one line, which took ${duration(spentMs)}: fetch them at once.`,
    })
}
