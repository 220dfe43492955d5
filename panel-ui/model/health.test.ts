import { expect, test } from 'vitest'
import type { Hello, Stat } from '../../instrumentation/model/protocol.ts'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { checksOf } from './health.ts'
import { letGoOf, lossesOf, lossWord } from './losses.ts'

const { state, now } = recorded('busy', 3_000)
const stat: Stat = {
  type: 'stat',
  now,
  engines: [],
  eventsPerSecond: 1,
  dropped: { ring: 331_953, statements: 0, page: 0, findings: 0 },
  ring: { bytes: 1, limit: 2 },
  viewers: 1,
  ownCost: 0.01,
  cpu: 0.13,
  servers: [
    ['reader', '18.1'],
    ['writer', null],
  ],
}
const hello = {
  version: '0.1.0',
  node: 'v22',
  versions: { pg: '8.23.0', knex: null },
  errorMessages: false,
} as Hello
const checks = (change: Partial<Stat> = {}, said: Partial<Hello> = {}) =>
  new Map(
    checksOf({ hello: { ...hello, ...said }, stat: { ...stat, ...change }, engines: state.engines, now }).map(
      check => [check.about, check],
    ),
  )

test('what was let go because it was old is no loss; what is lost is told with what to do', () => {
  expect(lossesOf(stat)).toEqual([])
  expect(lossWord(stat)).toBe('nothing lost')
  expect(letGoOf(stat)).toMatch(/^331,953 events let go because they were old/)
  expect(checks().get('what is missing')?.state).toBe('ok')
  const lost = checks({ dropped: { ring: 0, statements: 734, page: 12, findings: 0 }, failures: 1 }).get(
    'what is missing',
  )!
  expect(lost.state).toBe('warning')
  expect(lost.remedy).toMatch(/734 statements .*limits.statementsPerRequest.*12 events.*1 message /)
})

test('the own cost is told beside what the process used; what is unknown is told as unknown', () => {
  expect(checks().get('own cost')).toMatchObject({
    state: 'ok',
    says: expect.stringMatching(/1\.0 %.*13\.0 %/),
  })
  expect(checks({ ownCost: 0.1 }).get('own cost')?.remedy).toBeDefined()
  expect(checks().get('knex')?.state).toBe('unknown')
  expect(checks().get('server of reader')).toMatchObject({ state: 'ok', says: '18.1' })
  expect(checks().get('server of writer')?.state).toBe('unknown')
  expect(checks({}, { errorMessages: true }).get('what is hidden')?.state).toBe('warning')
  expect(checks().get('engine logger')?.says).toMatch(/your knex, which stays yours/)
})
