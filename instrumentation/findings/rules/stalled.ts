import { ago, count, duration } from '../../model/format.ts'
import { finding, type Rule } from '../rule.ts'

/** The event loop stood still a while ago: all requests waited, whatever they were waiting for. */
export const stalled: Rule = function* ({ stalls }, { stalledForMs }, now) {
  const last = [...stalls.values()].at(-1)
  if (!last) return
  const isOver = now - last.endedAt >= stalledForMs
  // Of what is over, the last time that it was news.
  const until = isOver ? last.endedAt : now
  const recent = [...stalls.values()].filter(({ endedAt }) => until - endedAt < stalledForMs)
  const first = recent[0] ?? last
  const sum = recent.reduce((ms, { stalledMs }) => ms + stalledMs, 0)
  const times = recent.length === 1 ? '' : `, ${count(recent.length, 'time')} and ${duration(sum)} in all`
  const longest = Math.max(...recent.map(({ stalledMs }) => stalledMs))
  yield finding('stalled', 'process', {
    severity: 'warn',
    since: first.endedAt - first.stalledMs,
    lastSeen: last.endedAt,
    isOver,
    about: {},
    sentence: `The event loop stood still for ${duration(longest)}${times}${isOver ? '' : `, the last time ${ago(now - last.endedAt)}`}.`,
    why: 'Code of the application kept the process busy: no answer was read, and no timer ran.',
  })
}
