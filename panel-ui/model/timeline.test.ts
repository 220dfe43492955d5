import { expect, test } from 'vitest'
import { recorded, requestsOf } from '../../instrumentation/model/testing/fixture.ts'
import { timelineOf } from './timeline.ts'

const { state, now } = recorded('exhausted', 16_000)
const requests = requestsOf(state)

test('every statement lies on the lane of its connection, inside the axis', () => {
  for (const request of requests) {
    const { lanes, length } = timelineOf(request, now)
    const drawn = lanes.flatMap(lane => lane.bars.map(bar => bar.statement.id))
    expect(drawn.toSorted()).toEqual(request.statements.map(s => s.id).toSorted())
    for (const lane of lanes) {
      for (const span of [...lane.bars, ...lane.holds, ...lane.waits, ...lane.gaps]) {
        expect(span.from).toBeGreaterThanOrEqual(0)
        expect(span.to).toBeLessThanOrEqual(length + 1e-6)
        expect(span.to).toBeGreaterThanOrEqual(span.from)
      }
    }
  }
})

test('an order that awaits a payment shows the gap, in words, inside its transaction', () => {
  const order = requests.find(
    r => r.label === 'POST /orders' && r.endedAt !== null && r.endedAt - r.startedAt > 5000,
  )!
  const writer = timelineOf(order, now).lanes.find(lane => lane.engine === 'writer')!
  expect(writer.brackets.map(b => b.transaction.outcome)).toEqual(['committed'])
  expect(writer.gaps.map(g => [g.state, g.label.replace(/[\d.]+/, 'n')])).toEqual([
    ['idle in transaction', 'n s idle in tx'],
  ])
})

test('a check-out that failed has a lane of its own that says so', () => {
  const failed = requests.find(r => r.checkouts.some(c => c.state === 'failed'))!
  const lane = timelineOf(failed, now).lanes.find(l => l.connection === null)!
  expect(lane.waits).toHaveLength(1)
  expect(lane.waits[0]!.failed).toBe(true)
  expect(lane.waits[0]!.to - lane.waits[0]!.from).toBeGreaterThan(2000)
})

test('the axis goes on past the response while something is still held', () => {
  const leak = requests.find(r => r.unreleased.length > 0)!
  const { length, responseAt } = timelineOf(leak, now)
  expect(responseAt).toBe(leak.endedAt! - leak.startedAt)
  expect(length).toBeGreaterThan(responseAt!)
})
