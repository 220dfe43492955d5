import { expect, test } from 'vitest'
import type { Engine, Request, Transaction } from '../../model/state.ts'
import {
  aHold,
  aRequest,
  aStatement,
  aTransaction,
  found,
  LINE,
  made,
  sentences,
} from '../testing/made-up.ts'

const requests = [aRequest({ checkouts: [aHold(0)], transactions: [aTransaction()] })]
const idle = (engine: Partial<Engine> = {}, stalls: [number, number][] = []) =>
  made({ engine, requests, lanes: [{ phase: 'idle in transaction', from: 1_000 }], stalls })

test('it is worth a look after half a second, and bad from the engine’s own limit on', () => {
  expect(found(idle(), 1_499)).toEqual([])
  expect(found(idle(), 1_500)).toEqual(['warn idle in transaction t1'])
  expect(found(idle(), 10_999)).toEqual(['warn idle in transaction t1'])
  expect(found(idle(), 11_000)).toEqual(['bad idle in transaction t1'])
  expect(sentences(idle(), 4_200)[0]).toContain(
    `POST /orders sits idle in a transaction of writer for 3.2 s, taken at ${LINE}.`,
  )
})

test('an engine may allow less than that, or set no limit', () => {
  const strict = idle({ idleInTransactionWarningMs: 200 })
  expect(found(strict, 1_199)).toEqual([])
  expect(found(strict, 1_200)).toEqual(['bad idle in transaction t1'])
  expect(found(idle({ idleInTransactionWarningMs: null }), 90_000)).toContain('warn idle in transaction t1')
})

test.each(['executing', 'held', 'failed transaction', 'free'] as const)('%s is not idle in one', phase => {
  expect(found(made({ requests, lanes: [{ phase, from: 1_000 }] }), 9_000)).toEqual([])
})

test('time in which the event loop stood still is not its own', () => {
  expect(found(idle({}, [[1_100, 2_100]]), 2_499)).toEqual(['warn stalled process'])
  expect(found(idle({}, [[1_100, 2_100]]), 2_500)).toContain('warn idle in transaction t1')
})

const over = { endedAt: 5_000, outcome: 'committed', asked: 'commit' } as const
const past = (facts: Partial<Request> = {}, transaction: Partial<Transaction> = {}) =>
  made({
    requests: [
      aRequest({
        checkouts: [aHold(0, { state: 'released', endedAt: 5_000 })],
        transactions: [aTransaction({ ...over, ...transaction })],
        statements: [
          aStatement({ startedAt: 10, endedAt: 100 }),
          aStatement({ id: 'q2', startedAt: 2_100, endedAt: 4_900 }),
        ],
        endedAt: 5_000,
        ...facts,
      }),
    ],
  })

test('one that nothing watched is known by its rows afterwards, with how long it was', () => {
  expect(found(past(), 60_000)).toEqual(['warn idle in transaction t1, over'])
  expect(sentences(past(), 60_000)[0]).toContain(
    `POST /orders sat idle in a transaction of writer for 2.0 s, taken at ${LINE}.`,
  )
})

test.each([
  ['some of whose statements were not kept', { omitted: 1 }, {}],
  ['that kept its connection beyond its end, which is told', { endedAt: 2_101 }, { endedAt: null }],
  ['whose pauses were shorter', {}, { startedAt: 1_700 }],
  ['on another connection', {}, { connection: 'c2', startedAt: 4_600 }],
])('not one %s', (_, request, transaction) => {
  expect(found(past(request, transaction), 5_100)).not.toContain('warn idle in transaction t1, over')
})
