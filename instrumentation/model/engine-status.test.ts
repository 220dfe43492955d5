import { expect, test } from 'vitest'
import { apply } from './apply.ts'
import { isLeaking } from '../findings/rules/leak.ts'
import { emptyState, type Request } from './state.ts'
import { Telling } from './testing/telling.ts'

const none = { isLineTaken: true, session: null, site: null, frames: null }
const begin: Told = t =>
  t.tell(0, 'requestStart', {
    id: 'u1',
    kind: 'http',
    label: 'GET /',
    attribute: 'db',
    engines: ['reader', 'writer'],
  })
const asked: Told = t =>
  t.tell(1, 'checkoutStart', { id: 'k1', engine: 'writer', pool: 'writer#1', request: 'u1', ...none })
const acquired: Told = t => t.tell(2, 'checkoutAcquired', { id: 'k1', connection: 'c1', waitMs: 1 })
const over: Told = t =>
  t.tell(10, 'requestEnd', { id: 'u1', outcome: 'finished', status: 200, unreleased: [] })
const released: Told = t => t.tell(2000, 'checkoutReleased', { id: 'k1', discarded: null })

type Told = (telling: Telling) => unknown
function after(...told: Told[]): Request {
  const telling = new Telling()
  for (const tell of [begin, ...told]) tell(telling)
  return apply(emptyState, telling.rows, telling.texts).requests.get('u1')!
}
const statusAfter = (...told: Told[]) => after(...told).engines.writer

test('an engine that is used without a session is started by its check-out and ended by its release', () => {
  expect([
    statusAfter(),
    statusAfter(asked),
    statusAfter(asked, acquired),
    statusAfter(asked, acquired, released),
  ]).toEqual(['initialized', 'started', 'started', 'ended'])
})

test('a session keeps its engine started until its release is confirmed', () => {
  const session: Told = t =>
    t.tell(1, 'sessionStart', { id: 's1', engine: 'writer', request: 'u1', mode: 'transaction' })
  const end =
    (released: boolean): Told =>
    t =>
      t.tell(2, 'sessionEnd', { id: 's1', released, statements: 1 })
  expect([statusAfter(session), statusAfter(session, end(false)), statusAfter(session, end(true))]).toEqual([
    'started',
    'started',
    'ended',
  ])
})

test('a request that is over with a connection still out is a leak after a moment, until it comes back', () => {
  const leak = after(asked, acquired, over)
  expect([isLeaking(leak, 11), isLeaking(leak, 1000)]).toEqual([false, true])
  const cured = after(asked, acquired, over, released)
  expect(isLeaking(cured, 3000)).toBe(false)
})
