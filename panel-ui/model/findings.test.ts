import { expect, test } from 'vitest'
import { judge } from '../../instrumentation/findings/index.ts'
import { thresholdsOf } from '../../instrumentation/findings/thresholds.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { shownPools } from '../../instrumentation/model/pool-load.ts'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { findingGroups } from './finding-groups.ts'
import { findingsOf, tallyOf } from './finding-index.ts'
import { troubleOf, worstFirst } from './pool-order.ts'
import { inWordsOfNow } from './words-of-now.ts'

const { state, now } = recorded('exhausted', 16_000)
const calm = recorded('calm', 16_000)

function aFinding(n: number, facts: Partial<Finding> = {}): Finding {
  return {
    key: `leak ${n}`,
    kind: 'leak',
    severity: 'bad',
    sentence: `leak ${n}`,
    why: null,
    about: { engine: 'writer', pool: 'writer#1', request: `u${n}` },
    site: 'src/orders.ts:41',
    since: 1_000,
    lastSeen: 2_000,
    count: 1,
    isOver: false,
    ...facts,
  }
}

const keys = (findings: readonly Finding[]) => findings.map(({ key }) => key)

test('findings of one kind and line are one and a number; other lines are shown, up to three', () => {
  const same = Array.from({ length: 12 }, (_, n) => aFinding(n))
  const [group, ...others] = findingGroups(same)
  expect(others).toEqual([])
  expect([group!.shown.length, group!.folded.length]).toEqual([1, 11])
  const lines = Array.from({ length: 5 }, (_, n) => aFinding(n, { site: `src/orders.ts:${n}` }))
  expect(findingGroups(lines).map(({ shown, folded }) => [keys(shown), keys(folded)])).toEqual([
    [
      ['leak 0', 'leak 1', 'leak 2'],
      ['leak 3', 'leak 4'],
    ],
  ])
})

test('what is over is apart from what is so, and takes one line for each kind', () => {
  const over = [0, 1].map(n => aFinding(n, { isOver: true, site: `src/orders.ts:${n}` }))
  const groups = findingGroups([aFinding(7), ...over])
  expect(groups.map(({ shown, folded }) => [keys(shown), keys(folded)])).toEqual([
    [['leak 7'], []],
    [['leak 0'], ['leak 1']],
  ])
})

test('what counts is what is so now; a note is neither wrong nor worth a number', () => {
  const note = aFinding(1, { severity: 'note' })
  const warn = aFinding(2, { severity: 'warn' })
  const over = aFinding(3, { isOver: true })
  expect(tallyOf([note])).toEqual({ now: 0, worst: null, over: 0 })
  expect(tallyOf([warn, note, over])).toEqual({ now: 1, worst: 'warn', over: 1 })
  expect(tallyOf([warn, aFinding(4)])).toEqual({ now: 2, worst: 'bad', over: 0 })
})

test('a request knows its findings, as the same array for as long as they are the same', () => {
  const findings = [aFinding(1), aFinding(2), aFinding(1, { key: 'outlived u1' })]
  expect(keys(findingsOf(findings, 'u1'))).toEqual(['leak 1', 'outlived u1'])
  expect(findingsOf(findings, 'u1')).toBe(findingsOf(findings, 'u1'))
  expect(findingsOf(findings, 'u9')).toBe(findingsOf([], 'u9'))
  expect(findingsOf(null, 'u1')).toEqual([])
})

test('the failing pool comes first, the others keep their order, and it keeps its place while a lane shows the trouble', () => {
  const pools = shownPools(state)
  const names = (findings: readonly Finding[], at = now) =>
    worstFirst(pools, calm.state, findings, at).map(({ engine }) => engine.engine)
  expect(names([])).toEqual(['reader', 'writer', 'logger'])
  const logger = { about: { pool: 'logger#1' } }
  expect(names([aFinding(1, { ...logger, severity: 'warn' })])).toEqual(['logger', 'reader', 'writer'])
  expect(names([aFinding(1, { ...logger, severity: 'warn' }), aFinding(2)])).toEqual([
    'writer',
    'logger',
    'reader',
  ])
  expect(names([aFinding(1, { ...logger, severity: 'note' })])).toEqual(['reader', 'writer', 'logger'])
  const over = aFinding(1, { ...logger, isOver: true, lastSeen: now })
  expect(names([over], now + 9_000)[0]).toBe('logger')
  expect(names([over], now + 11_000)[0]).toBe('reader')
  expect(troubleOf('writer#1', [over], now)).toBeNull()
})

test('the rows tell of a full pool before the process has judged it', () => {
  const full = judge(state, thresholdsOf(state), now)
    .filter(({ kind }) => kind === 'pool full')
    .map(({ about }) => about.engine)
  expect(full).toContain('writer')
  // Last in the configuration, so that it is not first for another reason.
  const pools = shownPools(state).toReversed()
  const sorted = worstFirst(pools, state, [], now).map(({ engine }) => engine.engine)
  expect(sorted.slice(0, full.length).toSorted()).toEqual(full.toSorted())
})

test('ages are counted on in the words of the same rules; what those do not find keeps the words that were told', () => {
  const told = judge(state, thresholdsOf(state), now - 900)
  const full = told.find(({ kind }) => kind === 'pool full')!
  const own = aFinding(1, { sentence: 'The queue of mails is 40 long.' })
  const over = { ...full, key: 'pool full x', isOver: true }
  const all = [full, own, over]
  const words = inWordsOfNow(all, { state, now }, null)
  const again = judge(state, thresholdsOf(state), now).find(({ key }) => key === full.key)!
  expect(words[0]).toMatchObject({ sentence: again.sentence, why: again.why, lastSeen: now })
  expect(again.why).not.toBe(full.why)
  expect(words[1]).toBe(own)
  expect(words[2]).toBe(over)
  // Again only when the words can have changed.
  expect(inWordsOfNow(all, { state, now: now + 50 }, null)).toBe(words)
  expect(inWordsOfNow(all, { state, now: now + 150 }, null)).not.toBe(words)
})
