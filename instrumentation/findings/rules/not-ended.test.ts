import { expect, test } from 'vitest'
import { aHold, aRequest, found, LINE, made, sentences } from '../testing/made-up.ts'

test('an engine that was closed, and whose connections are still held', () => {
  const state = made({ engine: { closed: true }, requests: [aRequest({ checkouts: [aHold(0)] })] })
  const pools = new Map(
    [...state.pools].map(([id, pool]) => [id, { ...pool, retired: true, retiredAt: 1_000 }]),
  )
  expect(found({ ...state, pools }, 1_999)).toEqual([])
  expect(found({ ...state, pools }, 2_000)).toEqual(['warn not ended writer#1'])
  expect(sentences({ ...state, pools }, 4_000)[0]).toBe(
    `writer is closed, and 1 connection of it is still held after 3.0 s, one by POST /orders, taken at ${LINE}. It ends when they are given back.`,
  )
  expect(found(state, 9_000)).toEqual([])
})
