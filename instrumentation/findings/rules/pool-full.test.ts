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
    'writer has no free connection: 2 of 2 are held, 1 request waits. All are executing, GET /1 (orders.ts:41) for 2.5 s: slow statements, a lock, or too few connections for them. The longest has waited 2.0 s.',
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
  const idle = [busy[0], { phase: 'held', from: 800 }] as const
  expect(sentences(made({ requests: [holding(1), nested], lanes: idle }), 3_000).join('\n')).toContain(
    'GET /2 (orders.ts:41) holds one and waits for another',
  )
})

test('a wait for the event loop is not one for the pool', () => {
  const requests = [holding(1), holding(2), asking]
  const stalled = made({ requests, lanes: busy, stalls: [[1_000, 3_000]] })
  expect(found(stalled, 3_000)).toEqual(['warn stalled process'])
  expect(sentences(stalled, 3_400)[0]).toContain('The longest has waited 400 ms.')
})

test('one that nothing watched is known by its waits, if all were held meanwhile', () => {
  const until = (id: number, endedAt: number) =>
    aRequest({
      ...holding(id),
      endedAt,
      checkouts: [{ ...holding(id).checkouts[0]!, state: 'released', endedAt }],
    })
  const late = aRequest({
    id: 'u9',
    endedAt: 3_000,
    checkouts: [
      aHold(2_000, {
        id: 'k9',
        request: 'u9',
        askedAt: 1_000,
        state: 'released',
        endedAt: 3_000,
        connection: 'c1',
      }),
    ],
  })
  const full = made({ requests: [until(1, 2_000), until(2, 2_500), late] })
  expect(found(full, 9_000)).toEqual(['warn pool full writer#1, over'])
  expect(sentences(full, 9_000)).toEqual([
    'writer had no free connection: all 2 were held, and POST /orders waited 1.0 s, asked for at src/orders.ts:41.',
  ])
  // It waited for one to be opened.
  expect(found(made({ requests: [until(1, 2_000), until(2, 1_200), late] }), 9_000)).toEqual([])
})
