import { expect, test } from 'vitest'
import { Baseline, entryOf, parseBaseline } from './baseline.ts'
import type { Finding } from '../model/finding.ts'

const found = (facts: Partial<Finding> = {}) => ({
  kind: 'n+1' as Finding['kind'],
  site: 'src/orders.ts:41',
  place: { statement: 'select *\n  from items where order_id = $1', within: 'listOrders' },
  ...facts,
})

test('a finding is known wherever its line has gone, and whatever kind of repetition it is today', () => {
  const baseline = new Baseline().with([found()])
  expect(baseline.knows(found({ site: 'src/orders.ts:99' }))).toBe(true)
  expect(baseline.knows(found({ kind: 'duplicate statements' }))).toBe(true)
  expect(baseline.knows(found({ kind: 'statement failed' }))).toBe(false)
  expect(baseline.knows(found({ site: 'src/items.ts:41' }))).toBe(false)
  expect(baseline.knows(found({ place: { statement: 'select 1', within: 'listOrders' } }))).toBe(false)
  expect(baseline.knows(found({ place: { ...found().place, within: 'showOrder' } }))).toBe(false)
})

test('what has neither a line nor a statement cannot be known', () => {
  expect(entryOf(found({ site: null, place: undefined }))).toBeNull()
  expect(new Baseline().with([found({ site: null, place: undefined })]).entries).toEqual([])
})

test('its file is the same for the same entries, in whatever order and how often they were found', () => {
  const other = found({ site: 'src/a.ts:1' })
  const one = new Baseline().with([found(), other, found()])
  expect(String(one)).toBe(String(new Baseline().with([other]).with([found()])))
  expect(one.entries.map(({ file }) => file)).toEqual(['src/a.ts', 'src/orders.ts'])
  const read = parseBaseline(String(one))
  expect(String(read)).toBe(String(one))
})

test('a run adds and never takes out, and a reason stays', () => {
  const muted = { ...entryOf(found())!, reason: 'at most eight rows' }
  const merged = new Baseline([muted]).with([found(), found({ site: 'src/b.ts:2' })])
  expect(merged.entries).toHaveLength(2)
  expect(merged.entries).toContainEqual(muted)
})

test('stale entries are those that nothing has met', () => {
  const baseline = new Baseline().with([found(), found({ site: 'src/gone.ts:1' })])
  baseline.knows(found())
  expect(baseline.stale().map(({ file }) => file)).toEqual(['src/gone.ts'])
})

test.each([
  ['{', 'it is not JSON'],
  ['null', 'its version is not 1'],
  ['{"version":2,"findings":[]}', 'its version is not 1'],
  ['{"version":1}', 'it has no list of findings'],
  ['{"version":1,"findings":[{"finding":"n+1"}]}', 'its finding 1 is not'],
  [
    `{"version":1,"findings":[{"finding":"a","statement":null,"file":"b","within":null,"reason":""}]}`,
    'its finding 1 is not',
  ],
])('%s is no baseline', (text, why) => {
  expect(parseBaseline(text)).toContain(why)
})
