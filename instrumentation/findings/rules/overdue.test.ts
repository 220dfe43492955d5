import { expect, test } from 'vitest'
import type { Checkout, LanePhase } from '../../model/state.ts'
import { aHold, aRequest, aTransaction, found, LINE, made, sentences } from '../testing/made-up.ts'

const held = (
  facts: Partial<Checkout> = {},
  phase: LanePhase = 'executing',
  stalls: [number, number][] = [],
) =>
  made({
    requests: [aRequest({ checkouts: [aHold(1_000, facts)] })],
    lanes: [{ phase, from: 1_000 }],
    stalls,
  })

test('a hold is overdue from the engine’s own limit on', () => {
  expect(found(held(), 30_999)).toEqual([])
  expect(found(held(), 31_000)).toEqual(['warn overdue k1'])
  expect(sentences(held(), 41_000)[0]).toBe(
    `POST /orders holds a connection of writer for 40.0 s, taken at ${LINE}. The engine allows 30.0 s (heldWarningMs).`,
  )
})

test('one that was held by design counts from when it no longer was', () => {
  expect(found(held({ keptFor: 'listens on jobs' }), 90_000)).toEqual([])
  expect(found(held({ countsFrom: 60_000 }), 89_999)).toEqual([])
  expect(found(held({ countsFrom: 60_000 }), 90_000)).toEqual(['warn overdue k1'])
})

test('what the library told is so; what it told of an idle transaction is found by another rule', () => {
  expect(found(held({ overdue: { at: 3_000, state: 'executing' } }), 4_000)).toEqual(['warn overdue k1'])
  expect(found(held({ overdue: { at: 3_000, state: 'idle in transaction' } }), 4_000)).toEqual([])
})

test('an idle transaction, or a leak, says more', () => {
  const idle = made({
    requests: [aRequest({ checkouts: [aHold(1_000)], transactions: [aTransaction()] })],
    lanes: [{ phase: 'idle in transaction', from: 40_000 }],
  })
  expect(found(idle, 41_000)).toEqual(['warn idle in transaction t1'])
  const leaking = aRequest({ endedAt: 2_000, outcome: 'finished', checkouts: [aHold(1_000)] })
  expect(found(made({ requests: [leaking] }), 41_000)).toEqual(['bad leak k1'])
})

test('the event loop’s own time is not the holder’s', () => {
  expect(found(held({}, 'executing', [[5_000, 9_000]]), 34_999)).toEqual(['warn stalled process'])
  expect(found(held({}, 'executing', [[5_000, 9_000]]), 35_000)).toContain('warn overdue k1')
})

test('one that was given back was overdue if the library told of it', () => {
  const back = { state: 'released', endedAt: 34_000, overdue: { at: 31_000, state: 'executing' } } as const
  const request = aRequest({ endedAt: 34_000, checkouts: [aHold(1_000, back)] })
  expect(found(made({ requests: [request] }), 90_000)).toEqual(['warn overdue k1, over'])
  expect(sentences(made({ requests: [request] }), 90_000)[0]).toContain(
    `POST /orders held a connection of writer for 33.0 s, taken at ${LINE}.`,
  )
  const silent = aRequest({ ...request, checkouts: [aHold(1_000, { ...back, overdue: null })] })
  expect(found(made({ requests: [silent] }), 90_000)).toEqual([])
})
