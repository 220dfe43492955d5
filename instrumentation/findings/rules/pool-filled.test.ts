import { expect, test } from 'vitest'
import { aHold, aRequest, found, LINE, made, sentences } from '../testing/made-up.ts'

const taking = (
  times: readonly (readonly [from: number, to: number])[],
  max = 2,
  kind: 'http' | 'no context' = 'http',
) =>
  made({
    engine: { max },
    requests: [
      aRequest({
        kind,
        endedAt: 90,
        outcome: 'finished',
        checkouts: times.map(([from, to], n) =>
          aHold(from, { id: `k${n}`, connection: `c${n}`, state: 'released', endedAt: to }),
        ),
      }),
    ],
  })

test('a request that has all connections of a pool at once', () => {
  const burst = taking([
    [0, 10],
    [1, 11],
    [10, 20],
  ])
  expect(found(burst, 500)).toEqual(['warn pool filled u1 writer#1, over'])
  expect(sentences(burst, 500)[0]).toContain(
    `POST /orders took all 2 connections of writer at once, for 3 check-outs, most of them at ${LINE}.`,
  )
})

test('one after another, one less, a pool of one, or many callers are none', () => {
  expect(
    found(
      taking([
        [0, 10],
        [10, 20],
      ]),
      500,
    ),
  ).toEqual([])
  expect(
    found(
      taking(
        [
          [0, 10],
          [1, 20],
        ],
        3,
      ),
      500,
    ),
  ).toEqual([])
  expect(found(taking([[0, 10]], 1), 500)).toEqual([])
  expect(
    found(
      taking(
        [
          [0, 10],
          [1, 20],
        ],
        2,
        'no context',
      ),
      500,
    ),
  ).toEqual([])
})
