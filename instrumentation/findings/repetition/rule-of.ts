import type { FindingKind } from '../../model/finding.ts'
import { finding, nameOf, type Judged, type RequestRule } from '../rule.ts'
import { meaningOf, type Meaning, type Repetition } from './repetitions.ts'
import { sayRepetition, saySource } from './say.ts'
import { repeatedIn } from './sequences.ts'

/** The rule that finds repetitions of one meaning. */
export const ruleOf = (kind: FindingKind, meaning: Meaning): RequestRule =>
  function* (request, { similarFrom }) {
    // What ran outside of any request belongs to many callers.
    if (request.kind === 'no context') return
    for (const repetition of repeatedIn(request, similarFrom).alone) {
      if (meaningOf(repetition, similarFrom) !== meaning) continue
      const sentence = `${nameOf(request, request.id)} sent ${sayRepetition(repetition, similarFrom, 'which took')}`
      yield repeated(kind, repetition, sentence, meaning === 'same values' ? null : saySource(repetition))
    }
  }

/** `first`: the repetition that it begins with. */
export function repeated(kind: FindingKind, first: Repetition, sentence: string, why: string | null): Judged {
  const { firstAt, engine, site, text, within, request, first: statement } = first
  const id = statement?.id ?? `${request.id} ${first.key}`
  const found = finding(kind, id, {
    severity: 'warn',
    since: firstAt,
    about: {
      engine,
      statement: statement?.id,
      request: request.id,
      session: statement?.session ?? undefined,
    },
    site,
    sentence,
    why,
    place: { statement: text, within },
  })
  // The same one, whatever it turns out to be as more statements come.
  return { ...found, key: `repetition ${id}`.slice(0, LONGEST_KEY) }
}

const LONGEST_KEY = 500
