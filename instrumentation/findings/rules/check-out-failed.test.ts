import { expect, test } from 'vitest'
import type { HolderFacts } from '../../model/holder.ts'
import type { Engine, Request } from '../../model/state.ts'
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
const failing = (
  holders: HolderFacts[],
  stalls: [number, number][] = [],
  { others = [], engine = {}, code = 'EL_CHECKOUT_TIMEOUT' }: Partial<Other> = {},
) => {
  const failure = { code, message: 'there was none', holders }
  const failed = aCheckout({ state: 'failed', askedAt: 1_000, endedAt: 3_000, failure })
  const requests = [aRequest({ checkouts: [failed] }), ...others]
  return sentences(made({ requests, stalls, engine }), 3_000).find(said => said.startsWith('POST /orders'))
}
interface Other {
  readonly others: Request[]
  readonly engine: Partial<Engine>
  readonly code: string
}
const SAID = 'POST /orders waited 2.0 s for a connection of writer and got none.'

test('a check-out that failed is told with who held the connections, or else with its message', () => {
  expect(failing([holder])).toBe(
    `${SAID} All were executing, GET /slow (slow.ts:3) for 2.4 s: slow statements, a lock, or too few connections for them.`,
  )
  expect(failing([])).toBe(`${SAID} there was none`)
  const waiting = aRequest({ checkouts: [aCheckout({ askedAt: 1_000 })] })
  expect(sentences(made({ requests: [waiting] }), 9_000)).toEqual([])
})

test('the event loop is to blame where the time was not up without it', () => {
  expect(failing([holder], [[1_500, 1_600]])).toBe(`${SAID} The event loop stood still for 100 ms of that.`)
  expect(failing([holder], [[500, 900]])).toContain('All were executing')
})

const idle = { ...holder, state: 'idle in transaction' } as const

test.each([
  [
    'opening fails',
    [holder],
    { engine: { lastConnectError: { at: 2_000, code: '28P01', message: 'wrong password.' } } },
    'There was room for another connection, but none could be opened: wrong password.',
  ],
  [
    'opening fails, by the code',
    [holder],
    { code: 'EL_CHECKOUT_FAILED' },
    'none could be opened: there was none',
  ],
  [
    'nested',
    [{ ...idle, request: 'u1' }, holder],
    {},
    'GET /slow (slow.ts:3) held one and waited for another: requests',
  ],
  [
    'one request',
    [1, 2].map(slot => ({ ...holder, slot, request: 'u1' })),
    {},
    'GET /slow (slow.ts:3) itself held all 2 at once, and asked for more.',
  ],
  [
    'a leak, although it is idle in a transaction',
    [idle],
    { others: [aRequest({ id: 'u2', label: 'GET /slow', endedAt: 900, outcome: 'finished' })] },
    'Its holder was over: GET /slow (slow.ts:3) had ended and not given its connection back.',
  ],
  [
    'idle in a transaction, of a request that ended later',
    [idle],
    { others: [aRequest({ id: 'u2', endedAt: 2_900, outcome: 'finished' })] },
    'Its holder was idle in a transaction, GET /slow (slow.ts:3) for 2.4 s: the application did something else',
  ],
  [
    'unknown',
    [holder, { ...holder, state: 'idle' as const }],
    {},
    '1 of 2 executed; GET /slow (slow.ts:3) was executing',
  ],
])('the verdict on a check-out that failed: %s', (_, holders, other, verdict) => {
  expect(failing(holders, [], other)).toContain(verdict)
})
