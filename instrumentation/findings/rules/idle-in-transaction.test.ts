import { expect, test } from 'vitest'
import type { Engine } from '../../model/state.ts'
import { aHold, aRequest, aTransaction, found, LINE, made, sentences } from '../testing/made-up.ts'

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
