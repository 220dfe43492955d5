import { expect, test } from 'vitest'
import { aCheckout, aHold, aRequest, found, made, sentences } from '../testing/made-up.ts'

const holding = (id: number) =>
  aRequest({
    id: `u${id}`,
    label: `GET /${id}`,
    checkouts: [aHold(0, { id: `k${id}`, request: `u${id}`, connection: `c${id}`, slot: id - 1 })],
  })
const asking = aRequest({ id: 'u9', checkouts: [aCheckout({ id: 'k9', request: 'u9', askedAt: 1_000 })] })
const busy = [
  { phase: 'executing', from: 500 },
  { phase: 'executing', from: 800 },
] as const

test('a pool is full when as many are held as it may have, and something waits', () => {
  const full = made({ requests: [holding(1), holding(2), asking], lanes: busy })
  expect(found(full, 3_000)).toEqual(['bad pool full writer#1'])
  expect(sentences(full, 3_000)).toEqual([
    'writer has no free connection: 2 of 2 are held, 1 request waits. All are executing, GET /1 (orders.ts:41) for 2.5 s: slow statements, or too few connections for them. The longest has waited 2.0 s.',
  ])
  expect(found(made({ requests: [holding(1), asking], lanes: busy.slice(0, 1) }), 3_000)).toEqual([])
  expect(found(made({ requests: [holding(1), holding(2)], lanes: busy }), 3_000)).toEqual([])
  const roomy = made({ engine: { max: 3 }, requests: [holding(1), holding(2), asking], lanes: busy })
  expect(found(roomy, 3_000)).toEqual([])
})

test('one that waits for itself is named', () => {
  const nested = aRequest({
    ...holding(2),
    checkouts: [...holding(2).checkouts, aCheckout({ id: 'k9', request: 'u2', askedAt: 1_000 })],
  })
  expect(sentences(made({ requests: [holding(1), nested], lanes: busy }), 3_000)[0]).toContain(
    'GET /2 (orders.ts:41) holds one and waits for another',
  )
})

test('a wait for the event loop is not one for the pool', () => {
  const requests = [holding(1), holding(2), asking]
  const stalled = made({ requests, lanes: busy, stalls: [[1_000, 3_000]] })
  expect(found(stalled, 3_000)).toEqual(['warn stalled process'])
  expect(sentences(stalled, 3_400)[0]).toContain('The longest has waited 400 ms.')
})
