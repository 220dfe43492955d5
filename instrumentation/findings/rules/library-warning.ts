import { finding, type Rule } from '../rule.ts'

/** What a rule of its own finds, with more than the warning says; and what is over. */
const TOLD_ELSEWHERE = new Set([
  'EL_CHECKOUT_FAILED',
  'EL_CHECKOUT_TIMEOUT',
  'EL_HELD_LONG',
  'EL_IN_DOUBT',
  'EL_NOT_COMMITTED',
  'EL_RETURNED',
])

/** The library warned of something that no call could be made to fail for. */
export const libraryWarning: Rule = function* ({ warnings }, { stalledForMs }, now) {
  const told = new Set<string>()
  for (const { at, code, message } of [...warnings.values()].reverse()) {
    const id = `${code} ${message}`
    if (TOLD_ELSEWHERE.has(code) || told.has(id)) continue
    told.add(id)
    yield finding('library warning', id, {
      severity: 'warn',
      since: at,
      isOver: now - at >= stalledForMs,
      about: {},
      // What follows is where it was thrown.
      sentence: message.split('\n', 1)[0] ?? message,
      why: `The library warned with ${code}.`,
    })
  }
}
