import { age } from '../../model/format.ts'
import { doubtsOf } from '../in-doubt.ts'
import { finding, type Rule } from '../rule.ts'

/** A transaction is prepared on a server, and nothing is about to end it. */
export const inDoubt: Rule = function* (state, _, now, truth) {
  for (const { gid, engine, ageMs, reason, commit } of doubtsOf(state, truth, now).inDoubt)
    yield finding('in doubt', gid, {
      severity: 'bad',
      since: now - ageMs,
      about: { engine, gid, request: commit?.request },
      site: commit?.site ?? null,
      sentence: `${said(engine, 'is', ageMs)}: ${reason}.`,
      why: 'What it has locked stays locked until it is committed or rolled back.',
      afterwards: { sentence: `${said(engine, 'was', ageMs)} or longer.` },
    })
}

const said = (engine: string, tense: 'is' | 'was', ageMs: number) =>
  `A prepared transaction on ${engine} ${tense} in doubt for ${age(ageMs).replace('just now', 'a moment')}`
