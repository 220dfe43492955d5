import { expect, test } from 'vitest'
import type { Checkout, Statement } from '../../model/state.ts'
import { aCheckout, aHold, aRequest, aStatement, found, made, sentences } from '../testing/made-up.ts'

const nested = (max: number, waiting: Partial<Checkout> = {}, running: readonly Statement[] = []) =>
  made({
    engine: { max },
    requests: [
      aRequest({
        checkouts: [aHold(0), aCheckout({ id: 'k2', askedAt: 1_000, site: 'src/audit.ts:7', ...waiting })],
        statements: running,
      }),
    ],
  })

test('a request that holds a connection and waits for another, before its time is up', () => {
  expect(found(nested(1), 1_099)).not.toContain('bad nested check-out k2')
  expect(found(nested(1), 1_100)).toContain('bad nested check-out k2')
  expect(sentences(nested(1), 2_200).find(said => said.includes('for another'))).toBe(
    'POST /orders holds 1 connection of writer, taken at src/orders.ts:41, and waits for 1.2 s for another of the same pool, which has 1. It waits for itself: nothing else can give one back.',
  )
})

test('not while one is being opened, or its own works, or where it has asked before it held one', () => {
  expect(found(nested(2), 5_000)).toEqual([])
  const runs = nested(1, {}, [aStatement({ endedAt: null })])
  expect(found(runs, 5_000)).not.toContain('bad nested check-out k2')
  expect(found(nested(1, { askedAt: -1 }), 5_000)).not.toContain('bad nested check-out k2')
})
