import { repeatedIn } from '../repetition/sequences.ts'
import { saySequence, whySequence } from '../repetition/say.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** A loop of a request sends several statements for each of its rounds. */
export const repeatedSequence: RequestRule = function* (request, { similarFrom }) {
  // What ran outside of any request belongs to many callers.
  if (request.kind === 'no context') return
  for (const sequence of repeatedIn(request, similarFrom).sequences) {
    const [{ first, firstAt, engine, site, key }] = sequence.parts as [(typeof sequence.parts)[number]]
    yield finding('repeated sequence', first?.id ?? `${request.id} ${key}`, {
      severity: 'warn',
      since: firstAt,
      about: {
        engine,
        statement: first?.id,
        request: request.id,
        session: first?.session ?? undefined,
      },
      site,
      sentence: `${nameOf(request, request.id)} sent ${saySequence(sequence, 'which took')}`,
      why: whySequence(sequence),
    })
  }
}
