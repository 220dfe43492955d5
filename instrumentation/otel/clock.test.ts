import { afterEach, expect, test, vi } from 'vitest'
import { wallTime } from './clock.ts'

afterEach(() => vi.restoreAllMocks())

const milliseconds = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6

test('the time of a message is the wall time, and becomes it again within a second when the machine slept an hour', () => {
  const at = performance.now()
  const error = (later: number) => Math.abs(milliseconds(wallTime(at + later)) - (Date.now() + later))
  const now = Date.now.bind(Date)
  expect(error(0)).toBeLessThan(200)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
  expect(error(1_001)).toBeLessThan(200)
  vi.restoreAllMocks()
  expect(error(2_002)).toBeLessThan(200)
})

test('two times are as far apart as their messages', () => {
  const at = performance.now()
  expect(milliseconds(wallTime(at + 0.25)) - milliseconds(wallTime(at))).toBeCloseTo(0.25, 2)
})
