import { expect, test } from 'vitest'
import { kindOf } from '../../model/codec.ts'
import { expectNothingUncounted, factsOf, record, recorder, speaker } from '../testing/recording.ts'

test('requests that were slow, failed, aborted or leaked outlive healthy traffic, with all of their rows', () => {
  record({ ringBytes: 32 * 1024 })
  speaker.declare()
  speaker.connect('c1', 0)
  speaker.wholeRequest(1, 501)
  const ends = {
    failed: { outcome: 'failed', status: null, unreleased: [] },
    aborted: { outcome: 'aborted', status: null, unreleased: [] },
    leaked: { outcome: 'finished', status: 200, unreleased: ['writer'] },
    answered500: { outcome: 'finished', status: 500, unreleased: [] },
    healthy: { outcome: 'finished', status: 200, unreleased: [] },
  } as const
  for (const [id, end] of Object.entries(ends)) {
    speaker.request(id)
    speaker.statement(`q-${id}`, 'c1', id)
    speaker.statementEnd(`q-${id}`)
    speaker.requestEnd(id, end)
  }
  for (let number = 100; number < 1_000; number++) speaker.wholeRequest(number)
  const kept = recorder.history.beforeRing().rows
  const requests = factsOf('requestEnd', kept).map(({ id }) => id)
  expect(requests.filter(id => !/^u\d{3}/.test(id))).toEqual([
    'u1',
    'failed',
    'aborted',
    'leaked',
    'answered500',
  ])
  // Begin, session (2), check-out (3), transaction (2), statement (2), end.
  const ofSlow = kept.filter(row => JSON.stringify(row).match(/"(u1|s1|k1|t1|q1\.0)"/))
  expect(ofSlow.length).toBe(11)
  expectNothingUncounted()
})

test('at most 100 requests are kept aside, the last ones', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 8 * 1024 * 1024 })
  for (let number = 0; number < 250; number++) speaker.wholeRequest(number, 600)
  for (let number = 250; number < 500; number++) speaker.wholeRequest(number)
  const kept = factsOf('requestEnd', recorder.history.beforeRing().rows)
    .map(({ id }) => id)
    .filter(id => Number(id.slice(1)) < 250)
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([100, 'u150', 'u249'])
  expectNothingUncounted()
})

test('a slow request of which the ring forgot the beginning while it ran is kept whole', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.request('long')
  speaker.statement('q-long', 'c1', 'long')
  speaker.statementEnd('q-long')
  for (let number = 0; number < 200; number++) speaker.wholeRequest(number)
  speaker.requestEnd('long')
  for (let number = 200; number < 400; number++) speaker.wholeRequest(number)
  const kept = recorder.history.beforeRing().rows.filter(row => JSON.stringify(row).includes('long'))
  expect(kept.map(kindOf)).toEqual(['requestStart', 'statementStart', 'statementEnd', 'requestEnd'])
})

test('a healthy request of which the ring forgot the beginning while it ran leaves nothing behind', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.request('healthy')
  speaker.statement('q-healthy', 'c1', 'healthy')
  speaker.statementEnd('q-healthy')
  for (let number = 0; number < 90; number++) speaker.wholeRequest(number)
  expect(recorder.history.ring.first).toBeGreaterThan(3)
  speaker.requestEnd('healthy')
  for (let number = 90; number < 400; number++) speaker.wholeRequest(number)
  expect(JSON.stringify(recorder.history.beforeRing())).not.toContain('healthy')
  expectNothingUncounted()
})

test('of two kept requests the one that ended first leaves first, whichever began first', () => {
  record({ ringBytes: 16 * 1024, requestsKept: 2 })
  speaker.request('began first')
  speaker.statement('q', 'c1', 'began first')
  speaker.statementEnd('q')
  for (let number = 0; number < 2; number++) speaker.wholeRequest(number, 600)
  for (let number = 100; number < 300; number++) speaker.wholeRequest(number)
  speaker.requestEnd('began first')
  for (let number = 300; number < 500; number++) speaker.wholeRequest(number)
  speaker.wholeRequest(2, 600)
  const kept = () =>
    factsOf('requestEnd', recorder.history.beforeRing().rows)
      .map(({ id }) => id)
      .filter(id => !/^u\d{3}/.test(id))
  expect(kept()).toEqual(['u1', 'began first'])
  for (let number = 500; number < 700; number++) speaker.wholeRequest(number)
  expect(kept()).toEqual(['began first', 'u2'])
})
