import { afterEach, expect, test, vi } from 'vitest'
import { wallTime } from './clock.ts'

afterEach(() => vi.restoreAllMocks())

const milliseconds = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6
const error = () => Math.abs(milliseconds(wallTime(performance.now())) - Date.now())

test('the time of a message is the wall time, and stays it when the machine slept an hour', () => {
  expect(error()).toBeLessThan(25)
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
  expect(error()).toBeLessThan(25)
  vi.restoreAllMocks()
  expect(error()).toBeLessThan(25)
})

test('two times are as far apart as their messages', () => {
  const at = performance.now()
  expect(milliseconds(wallTime(at + 0.25)) - milliseconds(wallTime(at))).toBeCloseTo(0.25, 2)
})
