import type { FindingKind } from '../../model/finding.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'
import { meaningOf, type Meaning } from './repetitions.ts'
import { sayRepetition, saySource } from './say.ts'
import { repeatedIn } from './sequences.ts'

/** The rule that finds repetitions of one meaning. */
export const ruleOf = (kind: FindingKind, meaning: Meaning): RequestRule =>
  function* (request, { similarFrom }) {
    // What ran outside of any request belongs to many callers.
    if (request.kind === 'no context') return
    for (const repetition of repeatedIn(request, similarFrom).alone) {
      if (meaningOf(repetition, similarFrom) !== meaning) continue
      const { first, firstAt, engine, site } = repetition
      yield finding(kind, first?.id ?? `${request.id} ${repetition.key}`, {
        severity: 'warn',
        since: firstAt,
        about: {
          engine,
          statement: first?.id,
          request: request.id,
          session: first?.session ?? undefined,
        },
        site,
        sentence: `${nameOf(request, request.id)} sent ${sayRepetition(repetition, similarFrom, 'which took')}`,
        why: meaning === 'same values' ? null : saySource(repetition),
      })
    }
  }
