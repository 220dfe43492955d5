import { expect, test } from 'vitest'
import { aHold, aRequest, aTransaction, found, LINE, made, sentences } from '../testing/made-up.ts'

const over = { endedAt: 1_000, outcome: 'finished', status: 200 } as const
const holding = aRequest({ ...over, checkouts: [aHold(100)] })

test('a hold is a leak a quarter of a second after its request', () => {
  const state = made({ requests: [holding], lanes: [{ phase: 'held', from: 900 }] })
  expect(found(state, 1_250)).toEqual([])
  expect(found(state, 1_251)).toEqual(['bad leak k1'])
  expect(sentences(state, 4_000)[0]).toContain(
    `POST /orders ended 3 s ago and still holds a connection of writer, taken at ${LINE}.`,
  )
})

test('it says so where the line was not taken', () => {
  const unseen = aRequest({ ...over, checkouts: [aHold(100, { site: null, isLineTaken: false })] })
  expect(sentences(made({ requests: [unseen] }), 4_000)[0]).toContain('of writer (line not taken).')
})

test('a leak that is idle in its transaction for longer than allowed is told once', () => {
  const leaking = aRequest({ ...holding, transactions: [aTransaction({ startedAt: 200 })] })
  const state = made({ requests: [leaking], lanes: [{ phase: 'idle in transaction', from: 900 }] })
  expect(found(state, 60_000)).toEqual(['bad leak k1'])
})

test.each([
  ['its request runs', aRequest({ checkouts: [aHold(100)] })],
  ['it is given back', aRequest({ ...over, checkouts: [aHold(100, { state: 'released', endedAt: 1_100 })] })],
  ['it is held by design', aRequest({ ...over, checkouts: [aHold(100, { keptFor: 'listens on jobs' })] })],
  [
    'no request has it',
    aRequest({ id: '(outside of any request)', kind: 'no context', checkouts: [aHold(100)] }),
  ],
])('it is none where %s', (_, request) => {
  expect(found(made({ requests: [request] }), 9_000)).toEqual([])
})

test('an engine whose release is not confirmed is a leak, and so is a transaction that is open', () => {
  const unreleased = aRequest({ ...over, unreleased: ['writer'], engines: { writer: 'started' } })
  expect(found(made({ requests: [unreleased] }), 1_001)).toEqual(['bad leak u1 writer'])
  const ended = aRequest({ ...over, id: 'u2', unreleased: ['writer'], engines: { writer: 'ended' } })
  expect(found(made({ requests: [ended] }), 9_000)).toEqual([])
  const open = aRequest({ ...over, transactions: [aTransaction()] })
  expect(found(made({ requests: [open] }), 1_250)).toEqual([])
  expect(found(made({ requests: [open] }), 1_251)).toEqual(['bad leak u1 writer'])
})

test('while the event loop stood still it could not be given back', () => {
  const state = made({ requests: [holding], stalls: [[1_000, 1_400]] })
  expect(found(state, 1_650)).toEqual(['warn stalled process'])
  expect(found(state, 1_651)).toEqual(['bad leak k1', 'warn stalled process'])
})
