import { expect, test } from 'vitest'
import type { Row } from './codec.ts'
import { ROWS } from './rows.ts'
import { recorded, requestsOf } from './testing/fixture.ts'
import { Telling } from './testing/telling.ts'
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
  const told = new Telling()
  const begin = { kind: 'http', label: 'GET /', attribute: null, engines: [] } as const
  const end = { outcome: 'finished', status: 200, unreleased: [] } as const
  for (let id = 1; id < REQUESTS_KEPT * 2; id++) {
    told.tell(id, 'requestStart', { id: `u${id}`, ...begin })
    if (id > 1) told.tell(id, 'requestEnd', { id: `u${id}`, ...end })
  }
  const state = apply(emptyState, told.rows, told.texts)
  expect(state.order).toHaveLength(REQUESTS_KEPT)
  expect(state.requests.size).toBe(REQUESTS_KEPT)
  expect(state.requests.has('u1')).toBe(true)
})

test('a row of an unknown kind, or about something unknown, changes nothing', () => {
  const strange: Row[] = [
    [90, 99, 1, 'x'],
    [91, ROWS.checkoutReleased.number, 1, 'k404', null],
    [92, ROWS.statementEnd.number, 1, 'q404', 1, 'SELECT', null, null],
    [93, ROWS.sessionEnd.number, 1, 's404', true, 0],
  ]
  expect(apply(emptyState, strange, () => '')).toEqual({ ...emptyState, seq: 93 })
})
