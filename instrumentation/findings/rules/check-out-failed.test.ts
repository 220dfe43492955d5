import { expect, test } from 'vitest'
import type { HolderFacts } from '../../model/rows.ts'
import { aCheckout, aRequest, made, sentences } from '../testing/made-up.ts'

const holder: HolderFacts = {
  slot: 0,
  connection: 'c1',
  backendPid: 100,
  request: 'u2',
  requestLabel: 'GET /slow',
  heldMs: 2_500,
  site: 'src/slow.ts:3',
  isLineTaken: true,
  state: 'executing',
  stateMs: 2_400,
  keptFor: null,
}
const failing = (holders: HolderFacts[], stalls: [number, number][] = []) => {
  const failure = { code: 'EL_CHECKOUT_TIMEOUT', message: 'there was none', holders }
  const failed = aCheckout({ state: 'failed', askedAt: 1_000, endedAt: 3_000, failure })
  return sentences(made({ requests: [aRequest({ checkouts: [failed] })], stalls }), 3_000).at(0)
}
const SAID = 'POST /orders waited 2.0 s for a connection of writer and got none.'

test('a check-out that failed is told with who held the connections, or else with its message', () => {
  expect(failing([holder])).toBe(
    `${SAID} All are executing, GET /slow (slow.ts:3) for 2.4 s: slow statements, or too few connections for them.`,
  )
  expect(failing([])).toBe(`${SAID} there was none`)
  const waiting = aRequest({ checkouts: [aCheckout({ askedAt: 1_000 })] })
  expect(sentences(made({ requests: [waiting] }), 9_000)).toEqual([])
})

test('the event loop is to blame where the time was not up without it', () => {
  expect(failing([holder], [[1_500, 1_600]])).toBe(`${SAID} The event loop stood still for 100 ms of that.`)
  expect(failing([holder], [[500, 900]])).toContain('All are executing')
})
