import { expect, test } from 'vitest'
import {
  expectNothingUncounted,
  factsOf,
  freshPage,
  latePage,
  record,
  recorder,
  ringRows,
  speaker,
  witness,
} from '../testing/recording.ts'

const REFUSED = { type: 'DatabaseError', code: '23505', message: 'a duplicate key' }

test('a commit under way and what is in doubt are known to a page that comes late, at each of its stages', () => {
  record({ ringBytes: 16 * 1024, keptBytes: 1024 * 1024 })
  const saw = witness()
  speaker.declare()
  speaker.connect('c1', 0)
  const traffic = () => {
    for (let number = 0; number < 20; number++) speaker.wholeRequest(number)
    expect(freshPage().open()).toEqual(saw.open())
    expect(latePage().open()).toEqual(saw.open())
    expectNothingUncounted()
  }
  speaker.request('u-open')
  speaker.session('s-u-open', 'u-open')
  speaker.inDoubt('gid-1')
  speaker.inDoubt('gid-2')
  traffic()
  speaker.ending('s-u-open', 'u-open')
  speaker.commitStart('x1', 'u-open', 'gid-3')
  traffic()
  speaker.step('x1', 'prepare')
  traffic()
  speaker.stepEnd('x1', 'prepare')
  speaker.inDoubt('gid-1', 'told again')
  traffic()
  expect(freshPage().commits.get('x1')).toEqual({
    mode: 'two-phase',
    steps: ['prepare writer', 'prepare writer: COMMIT'],
  })
  expect(latePage().endings.get('s-u-open')).toBe('commit at src/orders.ts:41')
  expect([...latePage().inDoubt]).toEqual([
    ['gid-2', { engine: 'writer', reason: 'its coordinator is at work' }],
    ['gid-1', { engine: 'writer', reason: 'told again' }],
  ])
  speaker.commitEnd('x1')
  speaker.step('x1', 'forget')
  speaker.stepEnd('x1', 'forget')
  speaker.recovered('gid-1')
  speaker.recovered('gid-never-met')
  traffic()
  expect([...latePage().inDoubt.keys()]).toEqual(['gid-2'])
  speaker.sessionEnd('s-u-open', 'u-open')
  speaker.requestEnd('u-open')
  traffic()
  expect(recorder.failures).toBe(0)
})

test('a request whose commit failed is kept aside when all healthy ones have left', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.declare()
  speaker.connect('c1', 0)
  speaker.request('u-refused')
  speaker.session('s-u-refused', 'u-refused')
  speaker.ending('s-u-refused', 'u-refused')
  speaker.commitStart('x1', 'u-refused', 'gid')
  speaker.step('x1', 'prepare')
  speaker.stepEnd('x1', 'prepare', REFUSED)
  speaker.commitEnd('x1', 'rolled back', REFUSED)
  // It still answers 200: nothing else about it looks unusual.
  speaker.sessionEnd('s-u-refused', 'u-refused')
  speaker.requestEnd('u-refused')
  for (let number = 0; number < 200; number++) speaker.wholeRequest(number)
  const kept = factsOf('stepEnd', recorder.history.asOfNow().rows)
  expect(kept).toEqual([
    {
      id: 'x1',
      engine: 'writer',
      step: 'prepare',
      durationMs: 1,
      command: null,
      code: '23505',
      message: expect.any(String),
    },
  ])
  expect([...latePage().requests.keys()]).toEqual(['u-refused'])
  expectNothingUncounted()
})

test('a job that commits ten thousand times, and ten thousand in doubt, cost no more than a bounded memory', () => {
  record({ ringBytes: 16 * 1024 })
  speaker.request('job')
  speaker.session('s-job', 'job')
  for (let number = 0; number < 10_000; number++) {
    speaker.ending('s-job', 'job')
    speaker.commitStart(`x${number}`, 'job')
    speaker.commitEnd(`x${number}`)
    speaker.inDoubt(`gid-${number}`)
  }
  for (let number = 0; number < 200; number++) speaker.wholeRequest(number)
  const before = recorder.history.beforeRing().rows
  expect(factsOf('inDoubt', before).length).toBe(1_000)
  // One row of each kind for the session; the rest is the running request itself, within its own limit.
  expect(factsOf('sessionEnding', before).length).toBeLessThan(5_000)
  expect(latePage().inDoubt.size).toBe(1_000)
  expect(ringRows().length).toBeLessThan(1_000)
  expectNothingUncounted()
})
