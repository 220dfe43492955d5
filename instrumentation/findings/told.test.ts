import { expect, test } from 'vitest'
import { ledgerOf } from '../model/ledger.ts'
import { laneKey, type LanePhase, type Request } from '../model/state.ts'
import { judgeRequest } from './index.ts'
import { laneStatus } from './lane-status.ts'
import { aHold, aRequest, aStatement, aTransaction, made } from './testing/made-up.ts'
import { thresholdsOf } from './thresholds.ts'
import { verdictOf } from './verdict.ts'

const holding = (n: number, facts: Partial<Request> = {}) => {
  const where = { request: `u${n}`, connection: `c${n}` }
  return aRequest({
    id: `u${n}`,
    label: `GET /${n}`,
    checkouts: [aHold(0, { ...where, id: `k${n}`, slot: n - 1 })],
    transactions: [aTransaction({ ...where, id: `t${n}`, checkout: `k${n}` })],
    ...facts,
  })
}

test('the verdict tells of a request what says the most, and else where its time went', () => {
  const verdict = (facts: Partial<Request>, stalledMs = 0) => {
    const request = aRequest({ endedAt: 1_000, outcome: 'finished', ...facts })
    const state = made({ requests: [request] })
    const findings = judgeRequest(request, thresholdsOf(state), 1_000, state)
    return verdictOf(request, ledgerOf(request, 1_000), findings, stalledMs)
  }
  const failed = aTransaction({
    endedAt: 900,
    outcome: 'rolled back',
    failed: { at: 1, statement: 'q1', code: '57014' },
  })
  expect(verdict({ transactions: [failed] })).toMatch(/^A statement of POST \/orders failed with 57014/)
  expect(verdict({ transactions: [failed], outcome: 'aborted' })).toMatch(
    /^The client of POST \/orders went away/,
  )
  const open = {
    checkouts: [aHold(0, { state: 'released', endedAt: 1_000 })],
    transactions: [aTransaction({ endedAt: 1_000, outcome: 'committed', asked: 'commit' })],
    statements: [aStatement({ endedAt: 10 })],
  }
  expect(verdict(open)).toMatch(/^A transaction sat open/)
  // 990 ms less the stall are not more than half.
  expect(verdict(open, 490)).toBe('No single thing took more than half of this request.')
  expect(verdict(open, 489)).toMatch(/^A transaction sat open/)
  expect(verdict(open, 501)).toBe('The event loop stood still for 501 ms, more than half of this request.')
})

test('a lane has a colour when it is held for longer than its engine allows, and by its leak', () => {
  const tone = (
    phase: LanePhase,
    now: number,
    facts: Partial<Request> = {},
    stalls: [number, number][] = [],
  ) => {
    const state = made({ requests: [holding(1, facts)], lanes: [{ phase, from: 1_000 }], stalls })
    return laneStatus(state, state.lanes.get(laneKey('writer#1', 0)), false, now).tone
  }
  expect([tone('held', 30_999), tone('held', 31_000)]).toEqual(['calm', 'bad'])
  expect([1_499, 1_500, 10_999, 11_000].map(now => tone('idle in transaction', now))).toEqual([
    'calm',
    'warn',
    'warn',
    'bad',
  ])
  expect([tone('executing', 90_000), tone('failed transaction', 1_001)]).toEqual(['calm', 'bad'])
  expect([tone('executing', 750, { endedAt: 500 }), tone('executing', 751, { endedAt: 500 })]).toEqual([
    'calm',
    'bad',
  ])
  expect(tone('held', 31_000, {}, [[2_000, 3_000]])).toBe('calm')
})
