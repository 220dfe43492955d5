import { expect, test } from 'vitest'
import { KIND, type AnyRow } from './rows.ts'
import { recorded, requestsOf } from './testing/fixture.ts'
import { REQUESTS_KEPT } from './apply-request.ts'
import { apply } from './apply.ts'
import { loadOf } from './pool-load.ts'
import { emptyState } from './state.ts'

const busy = recorded('busy', 20_000)

test('a state is the same whether its rows came in one batch or one by one', () => {
  let state = emptyState
  for (const row of busy.rows) state = apply(state, [row], busy.texts)
  expect(state).toEqual(busy.state)
})

test('a batch leaves the state before it as it was', () => {
  const half = busy.rows.length >> 1
  const before = apply(emptyState, busy.rows.slice(0, half), busy.texts)
  const copy = structuredClone(before)
  apply(before, busy.rows.slice(half), busy.texts)
  expect(before).toEqual(copy)
  expect(emptyState.requests.size).toBe(0)
})

test('a pool is as full as the process says', () => {
  for (const ms of [500, 3100, 4800, 6200, 9900]) {
    const { state, world, now } = recorded('exhausted', ms)
    for (const [engine, used, , waiting] of world.gauges()) {
      const pool = state.pools.get(state.engines.get(engine)!.pool)!
      const load = loadOf(state, pool, now)
      // A connection that is being opened counts as used in its pool, but its caller still waits.
      const opening = load.waiting.length - waiting
      expect({ ms, engine, used: load.used + opening }).toEqual({ ms, engine, used })
    }
  }
})

test('a lane’s stretches follow one another without a gap, and only the last is open', () => {
  for (const lane of busy.state.lanes.values()) {
    lane.segments.forEach((segment, i) => {
      const next = lane.segments[i + 1]
      if (!next) return
      expect(segment.to).not.toBeNull()
      expect(segment.to).toBeLessThanOrEqual(next.from)
    })
  }
})

test('an engine goes from initialized over started to ended, and stays started in a leak', () => {
  const requests = requestsOf(busy.state).filter(r => r.endedAt !== null)
  expect(requests.find(r => r.label === 'GET /health')?.engines).toEqual({
    reader: 'initialized',
    writer: 'initialized',
    logger: 'initialized',
  })
  expect(requests.find(r => r.label === 'GET /products/:id')?.engines.reader).toBe('ended')
  const leak = requests.find(r => r.label === 'GET /export' && r.unreleased.length > 0)
  expect(leak?.engines.reader).toBe('started')
})

test('finished requests are forgotten beyond the limit, running ones are not', () => {
  const start = (id: number): AnyRow => [id, KIND.requestStart, id, `u${id}`, 'http', 1, null, []]
  const end = (id: number): AnyRow => [id, KIND.requestEnd, id, `u${id}`, 'finished', 200, []]
  const rows = [start(1)]
  for (let id = 2; id < REQUESTS_KEPT * 2; id++) rows.push(start(id), end(id))
  const state = apply(emptyState, rows, () => 'GET /')
  expect(state.order).toHaveLength(REQUESTS_KEPT)
  expect(state.requests.size).toBe(REQUESTS_KEPT)
  expect(state.requests.has('u1')).toBe(true)
})

test('a row of an unknown kind, or about something unknown, changes nothing', () => {
  const strange = [
    [90, 99, 1, 'x'],
    [91, KIND.checkoutReleased, 1, 'k404', null],
    [92, KIND.statementEnd, 1, 'q404', 1, 'SELECT', null, null],
    [93, KIND.sessionEnd, 1, 's404', true, 0],
  ] as unknown as AnyRow[]
  expect(apply(emptyState, strange, () => '')).toEqual({ ...emptyState, seq: 93 })
})
