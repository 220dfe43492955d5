import { expect, test } from 'vitest'
import { PressureGauge } from './pressure.ts'

const KIB = 1024
/** The gauge's reading at each time, for the bytes that wait then. */
function readings(...steps: [atMs: number, waitingBytes: number][]): string[] {
  const gauge = new PressureGauge()
  return steps.map(([at, bufferedAmount]) => gauge.read({ bufferedAmount }, at))
}

test('rows stop above 256 KiB and go on below 64', () => {
  expect(
    readings([0, 256 * KIB], [1, 257 * KIB], [2, 200 * KIB], [3, 65 * KIB], [4, 64 * KIB], [5, 250 * KIB]),
  ).toEqual(['open', 'full', 'full', 'full', 'open', 'open'])
})

test('a buffer that is full for a second is slow until it drains', () => {
  expect(
    readings([0, 300 * KIB], [999, 299 * KIB], [1_000, 298 * KIB], [9_000, 100 * KIB], [9_001, 0]),
  ).toEqual(['full', 'full', 'slow', 'slow', 'open'])
})

test('one that does not shrink for 10 s is lost; one that shrinks a little is not', () => {
  expect(readings([0, 300 * KIB], [9_999, 300 * KIB], [10_000, 300 * KIB])).toEqual(['full', 'slow', 'lost'])
  expect(readings([0, 300 * KIB], [9_999, 299 * KIB], [19_998, 299 * KIB], [19_999, 299 * KIB])).toEqual([
    'full',
    'slow',
    'slow',
    'lost',
  ])
})

test('more than 1 MiB is lost at once, unless one large message was allowed', () => {
  expect(readings([0, 1024 * KIB + 1])).toEqual(['lost'])
  const gauge = new PressureGauge()
  gauge.allow(3_000 * KIB)
  expect(gauge.read({ bufferedAmount: 4_000 * KIB }, 0)).toBe('full')
  expect(gauge.read({ bufferedAmount: 0 }, 1)).toBe('open')
  expect(gauge.read({ bufferedAmount: 4_000 * KIB }, 2)).toBe('lost')
})
