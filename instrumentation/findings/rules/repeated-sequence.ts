import { repeated } from '../repetition/rule-of.ts'
import { saySequence, whySequence } from '../repetition/say.ts'
import { repeatedIn } from '../repetition/sequences.ts'
import { nameOf, type RequestRule } from '../rule.ts'

/** A loop of a request sends several statements for each of its rounds. */
export const repeatedSequence: RequestRule = function* (request, { similarFrom }) {
  // What ran outside of any request belongs to many callers.
  if (request.kind === 'no context') return
  for (const sequence of repeatedIn(request, similarFrom).sequences) {
    const sentence = `${nameOf(request, request.id)} sent ${saySequence(sequence, 'which took')}`
    yield repeated('repeated sequence', sequence.parts[0]!, sentence, whySequence(sequence))
  }
}
