import { expect, test } from 'vitest'
import { finding, type Judged } from '../../findings/rule.ts'
import { FindingMemory } from './finding-memory.ts'

const aLeak = (id: string, since = 0, facts: Partial<Judged> = {}): Judged => ({
  ...finding('leak', id, { severity: 'bad', since, about: { request: 'u1' }, sentence: 'It holds one.' }),
  ...facts,
})
const aNote = (id: string, facts: Partial<Judged> = {}): Judged => ({
  ...finding('client aborted', id, { severity: 'note', since: 1, about: {}, sentence: 'It left.' }),
  isOver: true,
  ...facts,
})

test('what is no longer found stays, over and in the past; what begins again is counted', () => {
  const memory = new FindingMemory()
  const afterwards = { sentence: 'It held one.' }
  const [first] = memory.remember([aLeak('k1', 5, { afterwards, why: 'because' })], 10)
  expect(first).toMatchObject({ since: 5, lastSeen: 10, count: 1, isOver: false })
  expect(first).not.toHaveProperty('afterwards')
  expect(memory.remember([aLeak('k1', 5, { afterwards, why: 'because' })], 20)[0]).toBe(first)
  const [over] = memory.remember([], 30)
  expect(over).toMatchObject({ sentence: 'It held one.', why: null, since: 5, lastSeen: 20, isOver: true })
  expect(memory.remember([], 40)[0]).toBe(over)
  // The same time once more: it was out of sight for a while.
  expect(memory.remember([aLeak('k1', 5)], 45)[0]).toMatchObject({ count: 1, isOver: false })
  memory.remember([], 50)
  expect(memory.remember([aLeak('k1', 55)], 60)[0]).toMatchObject({ since: 5, count: 2, isOver: false })
})

test('what has happened is told once, however often it is found', () => {
  const memory = new FindingMemory()
  const [first] = memory.remember([aNote('u1')], 10)
  expect(first).toMatchObject({ since: 1, lastSeen: 1, count: 1, isOver: true })
  expect(memory.remember([aNote('u1')], 20)[0]).toBe(first)
  expect(memory.remember([], 30)[0]).toBe(first)
})

test('a dismissed one is not told again, unless it begins anew', () => {
  const memory = new FindingMemory()
  memory.remember([aLeak('k1', 5), aNote('u2')], 10)
  expect(memory.dismiss('leak k1').map(({ key }) => key)).toEqual(['client aborted u2'])
  expect(memory.dismiss('never heard of')).toHaveLength(1)
  expect(memory.remember([aLeak('k1', 5), aNote('u2')], 20)).toHaveLength(1)
  expect(memory.remember([aLeak('k1', 5, { isOver: true }), aNote('u2')], 30)).toHaveLength(1)
  expect(memory.remember([aLeak('k1', 31), aNote('u2')], 40).map(({ key }) => key)).toContain('leak k1')
  memory.dismiss('client aborted u2')
  expect(memory.remember([aNote('u2')], 50).map(({ key }) => key)).toEqual(['leak k1'])
})

test('what the servers were not asked about may still be so', () => {
  const memory = new FindingMemory()
  const [first] = memory.remember([aLeak('k1')], 10)
  expect(memory.remember([], 20, () => true)).toEqual([first])
  expect(memory.remember([], 30, () => false)[0]).toMatchObject({ isOver: true })
})

test('a leak that was given back is told as that alone', () => {
  const memory = new FindingMemory()
  memory.remember([aLeak('k1')], 10)
  const givenBack = aNote('u1', { kind: 'outlived', key: 'outlived u1', about: { request: 'u1' } })
  expect(memory.remember([givenBack], 20).map(({ key }) => key)).toEqual(['outlived u1'])
})

test('it is bounded in number and in size; the least urgent is dropped first, once', () => {
  const memory = new FindingMemory()
  const notes = Array.from({ length: 600 }, (_, n) => aNote(`u${n}`, { since: n, lastSeen: n }))
  const told = memory.remember([...notes, aLeak('k1')], 10)
  expect(told).toHaveLength(500)
  expect(told[0]?.key).toBe('leak k1')
  expect(told.at(-1)?.key).toBe('client aborted u101')
  expect(memory.dropped).toBe(101)
  memory.remember([...notes, aLeak('k1')], 20)
  expect(memory.dropped).toBe(101)
  // Gone from the state: it was dropped for good.
  memory.remember([aLeak('k1')], 30)
  expect(memory.dropped).toBe(101)
  const long = new FindingMemory()
  const big = [1, 2, 3].map(n => aNote(`u${n}`, { lastSeen: n, sentence: 'x'.repeat(200_000) }))
  expect(long.remember(big, 10).map(({ key }) => key)).toEqual(['client aborted u3', 'client aborted u2'])
  expect(long.dropped).toBe(1)
})
