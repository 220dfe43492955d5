import { count } from '../../model/format.ts'
import { askedAgain } from '../repetition/asked-again.ts'
import { ruleOf } from '../repetition/rule-of.ts'
import { shortText } from '../repetition/say.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

const fromOneLine = ruleOf('duplicate statements', 'same values')

/** A request asks again for what it has been told already: one line again and again, or several lines. */
export const duplicateStatements: RequestRule = function* (request, thresholds, now, around) {
  if (request.kind === 'no context') return
  yield* fromOneLine(request, thresholds, now, around)
  for (const { text, statements, inVain } of askedAgain(request, thresholds.similarFrom)) {
    const [first] = statements as [(typeof statements)[number]]
    const sites = [...new Set(statements.flatMap(({ site }) => site ?? []))]
    yield finding('duplicate statements', first.id, {
      severity: 'note',
      since: first.startedAt,
      about: {
        engine: first.engine,
        statement: first.id,
        request: request.id,
        session: first.session ?? undefined,
      },
      site: first.site,
      place: { statement: text, within: first.within },
      sentence: `${nameOf(request, request.id)} asked ${count(inVain, 'time')} for what it had been told, and nothing was written between: ${shortText(text)}.`,
      why: sites.length > 1 ? `Asked at ${sites.slice(0, 5).join(', ')}.` : null,
    })
  }
}
