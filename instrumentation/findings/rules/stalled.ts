import { ago, count, duration } from '../../model/format.ts'
import { finding, type Rule } from '../rule.ts'

/** The event loop stood still a while ago: all requests waited, whatever they were waiting for. */
export const stalled: Rule = function* (state, { stalledForMs }, now) {
  const recent = [...state.stalls.values()].filter(({ endedAt }) => now - endedAt < stalledForMs)
  const [first] = recent
  const last = recent.at(-1)
  if (!first || !last) return
  const sum = recent.reduce((ms, { stalledMs }) => ms + stalledMs, 0)
  const times = recent.length === 1 ? '' : `, ${count(recent.length, 'time')} and ${duration(sum)} in all`
  const longest = Math.max(...recent.map(({ stalledMs }) => stalledMs))
  yield finding('stalled', 'process', {
    severity: 'warn',
    since: first.endedAt - first.stalledMs,
    about: {},
    sentence: `The event loop stood still for ${duration(longest)}${times}, the last time ${ago(now - last.endedAt)}.`,
    why: 'Code of the application kept the process busy: no answer was read, and no timer ran.',
  })
}
