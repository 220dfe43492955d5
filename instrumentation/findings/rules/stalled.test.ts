import { expect, test } from 'vitest'
import { found, made, sentences } from '../testing/made-up.ts'

test('a stall is told for a minute, several as one', () => {
  const one = made({ stalls: [[1_000, 1_300]] })
  expect(found(one, 61_299)).toEqual(['warn stalled process'])
  expect(found(one, 61_300)).toEqual(['warn stalled process, over'])
  expect(sentences(one, 61_300)[0]).toContain('The event loop stood still for 300 ms. Code')
  expect(found(made({}), 5_000)).toEqual([])
  expect(sentences(one, 4_300)[0]).toContain('The event loop stood still for 300 ms, the last time 3 s ago.')
  const two = made({
    stalls: [
      [1_000, 1_300],
      [2_000, 3_500],
    ],
  })
  expect(sentences(two, 5_500)[0]).toContain(
    'The event loop stood still for 1.5 s, 2 times and 1.8 s in all, the last time 2 s ago.',
  )
})
