import { expect, test } from 'vitest'
import { recorded, requestsOf } from './testing/fixture.ts'
import { LEDGER_ENTRIES, ledgerOf } from './ledger.ts'
import type { Checkout, Request, Statement, Transaction } from './state.ts'

const total = (request: Request, now: number) => {
  const ledger = ledgerOf(request, now)
  return { sum: LEDGER_ENTRIES.reduce((sum, entry) => sum + ledger[entry], 0), ledger }
}

test('the entries of any request sum to its wall time exactly', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { state, now } = recorded('exhausted', 15_000, seed)
    for (const request of requestsOf(state)) {
      const { sum, ledger } = total(request, now)
      expect(sum).toBe(ledger.wall)
      expect(ledger.wall).toBe(
        Math.round((request.endedAt ?? now) * 1000) - Math.round(request.startedAt * 1000),
      )
      expect(Math.min(...LEDGER_ENTRIES.map(entry => ledger[entry]))).toBeGreaterThanOrEqual(0)
    }
  }
})

test('they do so where intervals overlap, stick out, or never end', () => {
  let seed = 1
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647) * 150 - 25
  for (let round = 0; round < 500; round++) {
    const some = Array.from({ length: 5 }, () => [random(), Math.random() < 0.2 ? null : random()] as const)
    const request = {
      startedAt: 0,
      endedAt: round % 3 === 0 ? null : 100,
      statements: some.map(
        ([a, b]) => ({ startedAt: a, endedAt: b, queuedMs: Math.abs(a) / 3 }) as Statement,
      ),
      transactions: some.map(([a, b]) => ({ startedAt: a + 1, endedAt: b }) as Transaction),
      checkouts: some.map(([a, b]) => ({ askedAt: a - 9, acquiredAt: a, endedAt: b }) as Checkout),
      stretches: some.map(([a, b]) => ({
        connection: round % 5 === 0 ? 'c1' : null,
        from: a,
        until: b,
        busyMs: Math.abs(a) / 2,
      })),
    } as unknown as Request
    const { sum, ledger } = total(request, 100)
    expect(sum).toBe(ledger.wall)
    expect(ledger.wall).toBe(100_000)
    // Stretches of one request follow one another; those of this test may overlap, and yet take no time twice.
    if (round % 5 === 0)
      expect(Math.min(...LEDGER_ENTRIES.map(entry => ledger[entry]))).toBeGreaterThanOrEqual(0)
  }
})

test('of statements that are only counted, the time is taken from what else happened while they ran', () => {
  const request = {
    startedAt: 0,
    endedAt: 1_000,
    checkouts: [{ askedAt: 0, acquiredAt: 0, endedAt: 900 }],
    transactions: [{ startedAt: 100, endedAt: 500 }],
    statements: [{ startedAt: 100, endedAt: 200, queuedMs: 0 }],
    stretches: [
      { connection: null, from: 150, until: 850, busyMs: 520 },
      { connection: 'c1', from: 150, until: 850, busyMs: 520 },
    ],
  } as unknown as Request
  // 300 ms idle in the transaction and 350 ms held idle, of which four fifths were spent executing.
  expect(ledgerOf(request, 1_000)).toEqual({
    waiting: 0,
    executing: 620_000,
    queued: 0,
    'idle in transaction': 60_000,
    'held idle': 220_000,
    application: 100_000,
    wall: 1_000_000,
  })
})

test('a request is waiting, then executing, then idle in its transaction, then on its own', () => {
  const request = {
    startedAt: 0,
    endedAt: 402,
    checkouts: [{ askedAt: 10, acquiredAt: 220, endedAt: 380 }],
    transactions: [{ startedAt: 230, endedAt: 370 }],
    statements: [
      { startedAt: 225, endedAt: 230, queuedMs: 0 },
      { startedAt: 240, endedAt: 300, queuedMs: 4 },
      { startedAt: 260, endedAt: 310, queuedMs: 0 },
    ],
    stretches: [],
  } as unknown as Request
  expect(ledgerOf(request, 402)).toEqual({
    waiting: 210_000,
    executing: 75_000,
    queued: 4000,
    'idle in transaction': 66_000,
    'held idle': 15_000,
    application: 32_000,
    wall: 402_000,
  })
})
