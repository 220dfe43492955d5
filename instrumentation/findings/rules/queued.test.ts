import { expect, test } from 'vitest'
import { aRequest, aStatement, found, LINE, made, sentences } from '../testing/made-up.ts'

const sending = (queued: readonly number[], each = 200) =>
  made({
    requests: [
      aRequest({
        endedAt: 2_000,
        outcome: 'finished',
        statements: queued.map((queuedMs, n) =>
          aStatement({
            id: `q${n}`,
            text: `select ${n}`,
            startedAt: n * each,
            endedAt: (n + 1) * each,
            queuedMs,
          }),
        ),
      }),
    ],
  })

test('statements that were sent at once on one connection', () => {
  const state = sending([0, 200, 400, 600, 800])
  expect(found(state, 9_000)).toEqual(['note queued u1 c1, over'])
  expect(sentences(state, 9_000)[0]).toContain(
    `4 statements of POST /orders queued behind another on one connection of writer, from ${LINE}; the last waited 800 ms.`,
  )
})

test('one wait alone, short ones, or waits one after another are none', () => {
  expect(found(sending([0, 200]), 9_000)).toEqual([])
  expect(found(sending([0, 1, 2, 3]), 9_000)).toEqual([])
  expect(found(sending([0, 150, 150, 150]), 9_000)).toEqual([])
})
