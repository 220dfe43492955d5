import { expect, test } from 'vitest'
import { KIND, type AnyRow } from './rows.ts'
import { apply } from './apply.ts'
import { isLeaking } from './outcome.ts'
import { emptyState } from './state.ts'

const texts = () => 'GET /'
const begin: AnyRow[] = [[1, KIND.requestStart, 0, 'u1', 'http', 1, 'db', ['reader', 'writer']]]
const asked: AnyRow = [2, KIND.checkoutStart, 1, 'k1', 'writer', 'writer#1', 'u1', null, null, null]
const acquired: AnyRow = [3, KIND.checkoutAcquired, 2, 'k1', 'c1', 1]
const over: AnyRow = [4, KIND.requestEnd, 10, 'u1', 'finished', 200, []]
const released: AnyRow = [5, KIND.checkoutReleased, 2000, 'k1', null]

const statusAfter = (...rows: AnyRow[]) =>
  apply(emptyState, [...begin, ...rows], texts).requests.get('u1')!.engines.writer

test('an engine that is used without a session is started by its check-out and ended by its release', () => {
  expect([
    statusAfter(),
    statusAfter(asked),
    statusAfter(asked, acquired),
    statusAfter(asked, acquired, released),
  ]).toEqual(['initialized', 'started', 'started', 'ended'])
})

test('a session keeps its engine started until its release is confirmed', () => {
  const session: AnyRow = [2, KIND.sessionStart, 1, 's1', 'writer', 'u1', 'transaction']
  const end = (isReleased: boolean): AnyRow => [3, KIND.sessionEnd, 2, 's1', isReleased, 1]
  expect([statusAfter(session), statusAfter(session, end(false)), statusAfter(session, end(true))]).toEqual([
    'started',
    'started',
    'ended',
  ])
})

test('a request that is over with a connection still out is a leak after a moment, until it comes back', () => {
  const leak = apply(emptyState, [...begin, asked, acquired, over], texts).requests.get('u1')!
  expect([isLeaking(leak, 11), isLeaking(leak, 1000)]).toEqual([false, true])
  const cured = apply(emptyState, [...begin, asked, acquired, over, released], texts).requests.get('u1')!
  expect(isLeaking(cured, 3000)).toBe(false)
})
