import { expect, test } from 'vitest'
import type { PanelState, Statement } from '../../model/state.ts'
import { aRequest, aStatement, made, sentences } from '../testing/made-up.ts'
import { judge } from '../index.ts'
import { thresholdsOf } from '../thresholds.ts'

/** What is found: its severity, kind and statement. */
const found = (state: PanelState, now: number): string[] =>
  judge(state, thresholdsOf(state), now).map(
    ({ severity, kind, about }) => `${severity} ${kind} ${about.statement}`,
  )

const times = (n: number, facts: (i: number) => Partial<Statement> = () => ({})) =>
  Array.from({ length: n }, (_, i) =>
    aStatement({ id: `q${i + 1}`, startedAt: i * 10, endedAt: i * 10 + 4, ...facts(i) }),
  )
const sent = (statements: Statement[], kind: 'http' | 'no context' = 'http') =>
  made({ requests: [aRequest({ statements, kind })] })

test('five of one text from one line are a pattern, four are not', () => {
  expect(found(sent(times(4)), 99)).toEqual([])
  expect(found(sent(times(5)), 99)).toEqual(['warn similar statements q1'])
  expect(sentences(sent(times(5)), 99)).toEqual([
    'POST /orders sent at least 5 similar statements from one line, one after the other, which took 20 ms so far: fetch them at once.',
  ])
})

test('it stays the same one while more come, in whatever order they come', () => {
  const mixed = times(20, i => ({ text: `select ${i % 7 < 3 ? 'a' : 'b'}` }))
  expect(found(sent(mixed), 999)).toEqual(['warn similar statements q4', 'warn similar statements q1'])
  expect(found(sent(mixed.slice(0, 12)), 999)).toEqual([
    'warn similar statements q4',
    'warn similar statements q1',
  ])
})

test('many at once take no longer than their request', () => {
  const burst = times(50, () => ({ startedAt: 0, endedAt: 60 }))
  expect(sentences(sent(burst), 99)[0]).toContain(
    '50 similar statements from one line, sent at once and queued on 1 connection, which took 60 ms',
  )
})

test.each<[string, Statement[]]>([
  ['of another text', times(8, i => ({ text: `select ${i % 2}` }))],
  ['from another line', times(8, i => ({ site: `src/a.ts:${i % 2}` }))],
  ['that control a transaction', times(8, () => ({ text: 'SAVEPOINT a' }))],
])('those %s do not count', (_, statements) => {
  expect(found(sent(statements), 999)).toEqual([])
})

test('work outside of any request has many callers', () => {
  expect(found(sent(times(50), 'no context'), 999)).toEqual([])
})
