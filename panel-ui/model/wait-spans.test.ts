import { expect, test } from 'vitest'
import { waitSpans } from './wait-spans.ts'

const wait = (from: number, to: number, failed = false) => ({ from, to, failed })

test('a wait before its hold is one span with its words', () => {
  expect(waitSpans([wait(0, 100)], [{ from: 100, to: 200 }])).toEqual([
    { from: 0, to: 100, failed: false, label: 'waits 100 ms' },
  ])
})

test('waits at the same time, while the connection is held, never lie on each other or on a hold', () => {
  const holds = [
    { from: 10, to: 100 },
    { from: 100, to: 200 },
    { from: 230, to: 300 },
  ]
  const spans = waitSpans([wait(0, 10), wait(0, 100), wait(0, 230), wait(400, 450, true)], holds)
  expect(spans).toEqual([
    { from: 0, to: 10, failed: false, label: null },
    { from: 200, to: 230, failed: false, label: '3 wait, up to 230 ms' },
    { from: 400, to: 450, failed: true, label: 'waits 50 ms' },
  ])
})

test('the moment that a check-out from a free pool takes is no wait', () => {
  expect(waitSpans([wait(0, 0.04)], [])).toEqual([])
})
