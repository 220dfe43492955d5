import { expect, test } from 'vitest'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { emptyState, type Lane, type Segment } from '../../instrumentation/model/state.ts'
import { lanePast } from './lane-past.ts'
import { lastHolders } from './last-holders.ts'
import { poolsSentence } from '../../instrumentation/findings/pools-sentence.ts'
import { isQuiet } from './quiet-lane.ts'

const aLane = (...segments: Segment[]): Lane => ({
  key: 'writer#1/0',
  engine: 'writer',
  pool: 'writer#1',
  slot: 0,
  connection: 'c1',
  checkout: null,
  segments,
})
const stretch = (
  phase: Segment['phase'],
  from: number,
  to: number | null,
  request: string | null = 'u1',
) => ({
  phase,
  from,
  to,
  request,
})
const free = (from: number, to: number | null = null) => stretch('free', from, to, null)

test('a lane is quiet when nothing that held it can be seen on it any more', () => {
  expect(isQuiet(undefined, 0)).toBe(true)
  expect(isQuiet(aLane(), 0)).toBe(true)
  const lane = aLane(free(0, 1_000), stretch('executing', 1_000, 2_000), free(2_000))
  expect(isQuiet(lane, 5_000)).toBe(false)
  expect(isQuiet(lane, 11_999)).toBe(false)
  expect(isQuiet(lane, 12_001)).toBe(true)
  expect(isQuiet(aLane(stretch('held', 0, null)), 60_000)).toBe(false)
})

test('the past of a lane in words: what it did, for whom, and until when', () => {
  expect(lanePast(emptyState, aLane(free(0)), 20_000)).toBe('nothing in the last 10 seconds')
  const lane = aLane(
    stretch('executing', 0, 5_000, 'u0'),
    stretch('executing', 12_000, 12_500),
    free(12_500, 13_000),
    stretch('executing', 13_000, 13_250, 'u2'),
    stretch('idle in transaction', 13_250, null, 'u2'),
  )
  expect(lanePast(emptyState, lane, 20_000)).toBe(
    'executing 500 ms for u1, until 7 s ago; executing 300 ms for u2, until 6 s ago; idle in transaction 6.8 s for u2, until now',
  )
  const busy = aLane(
    ...Array.from({ length: 9 }, (_, n) => stretch('executing', 11_000 + n * 100, 11_050 + n * 100, `u${n}`)),
  )
  expect(lanePast(emptyState, busy, 20_000)).toMatch(/^3 earlier; executing 100 ms for u3, until 8 s ago; /)
})

test('the last holders of a slot are named once for each hold, newest first', () => {
  const segments = [
    stretch('executing', 0, 100, 'u1'),
    stretch('held', 100, 200, 'u1'),
    free(200, 300),
    stretch('executing', 300, 350, 'u1'),
    stretch('executing', 350, 400, 'u2'),
    free(400),
  ]
  expect(lastHolders(segments, 8)).toEqual([
    { request: 'u2', ms: 50, to: 400 },
    { request: 'u1', ms: 50, to: 350 },
    { request: 'u1', ms: 200, to: 200 },
  ])
  expect(lastHolders(segments, 2)).toHaveLength(2)
})

test('all pools in one sentence', () => {
  const { state, now } = recorded('exhausted', 16_000)
  const held = [...state.checkouts.values()].filter(({ acquiredAt }) => acquiredAt !== null)
  const waiting = state.checkouts.size - held.length
  expect(waiting).toBeGreaterThan(1)
  expect(poolsSentence(state, now)).toBe(
    `${waiting} check-outs wait for a connection; ${held.length} of 15 are held.`,
  )
  expect(poolsSentence(recorded('quiet', 1_000).state, 1_000)).toBe(
    'Nothing waits for a connection; 0 of 15 are held.',
  )
})
