import { expect, test } from 'vitest'
import { aHold, aRequest, found, LINE, made, sentences } from '../testing/made-up.ts'

const released = (endedAt: number, keptFor: string | null = null) =>
  aRequest({
    endedAt: 1_000,
    outcome: 'finished',
    checkouts: [aHold(100, { state: 'released', endedAt, keptFor })],
  })
const judged = (request: ReturnType<typeof released>, stalls: [number, number][] = []) =>
  found(made({ requests: [request], stalls }), 9_000)

test('a request that gives its connection back later than a quarter of a second after its end', () => {
  expect(judged(released(1_250))).toEqual([])
  expect(judged(released(1_251))).toEqual(['warn outlived u1, over'])
  expect(judged(released(900))).toEqual([])
  expect(judged(released(5_000, 'listens on jobs'))).toEqual([])
  expect(sentences(made({ requests: [released(3_000)] }), 9_000)[0]).toContain(
    `POST /orders gave its connection of writer back 2.0 s after it had ended, taken at ${LINE}.`,
  )
})

test('the event loop that stood still meanwhile does not count', () => {
  expect(judged(released(1_600), [[1_100, 1_450]])).toEqual(['warn stalled process'])
  expect(judged(released(1_601), [[1_100, 1_450]])).toEqual([
    'warn stalled process',
    'warn outlived u1, over',
  ])
})
