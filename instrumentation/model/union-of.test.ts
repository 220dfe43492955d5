import { expect, test } from 'vitest'
import { mostAtOnce, unionMs } from './union-of.ts'

const spans = (...pairs: [number, number][]) => pairs.map(([from, to]) => ({ from, to }))

test('what is beside each other counts once, in whatever order', () => {
  expect(unionMs([])).toBe(0)
  expect(unionMs(spans([5, 9], [0, 4]))).toBe(8)
  expect(unionMs(spans([0, 10], [2, 4], [8, 12]))).toBe(12)
  expect(unionMs(spans([3, 3]))).toBe(0)
})

test('the most at one moment; what ends when another begins is not beside it', () => {
  expect(mostAtOnce([])).toEqual({ count: 0, at: 0 })
  expect(mostAtOnce(spans([0, 4], [4, 8]))).toEqual({ count: 1, at: 0 })
  expect(mostAtOnce(spans([0, 9], [2, 8], [3, 4], [5, 6]))).toEqual({ count: 3, at: 3 })
})
