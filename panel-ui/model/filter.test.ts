import { expect, test } from 'vitest'
import { recorded } from '../../instrumentation/model/testing/fixture.ts'
import { completionsOf, nextSort } from './filter.ts'
import { queryFilter } from './query-filter.ts'
import { requestFilter, REQUESTS } from './request-filter.ts'
import { transactionFilter } from './transaction-filter.ts'

const { state, now } = recorded('exhausted', 16_000)
const requests = [...state.requests.values()].filter(({ kind }) => kind === 'http')
const found = (query: string) => requests.filter(request => requestFilter(query).matches(request, now))

test('a value that cannot be read is left out and told, in each view', () => {
  for (const query of [
    'status:[',
    'status:',
    'status:abc',
    'slow:>x',
    'engine:',
    'sort:nothing',
    '-status:(',
  ]) {
    expect(requestFilter(query).problems, query).toHaveLength(1)
    expect(found(query), query).toHaveLength(requests.length)
  }
  expect(requestFilter('status:[').problems).toEqual([
    'status:[ is left out: status: needs a status such as 500 or 5xx.',
  ])
  expect(transactionFilter('slow:soon').problems).toHaveLength(1)
  expect(queryFilter('count:many').problems).toHaveLength(1)
})

test('an unknown key is searched for as text and told; a line of code is text', () => {
  expect(requestFilter('foo:bar').problems).toEqual([
    'foo:bar is searched for as text: the keys are engine:, status:, route:, slow:, sort:.',
  ])
  expect(found('foo:bar')).toEqual([])
  expect(requestFilter('orders.ts:41 GET /orders').problems).toEqual([])
  expect(requestFilter('constructor:x').problems).toHaveLength(1)
  expect(found('tostring')).toEqual([])
})

test('the last word is completed, to a key, a word, or a value that occurs', () => {
  expect(completionsOf(REQUESTS, 'failed sl', state)).toEqual(['failed slow:'])
  expect(completionsOf(REQUESTS, 'engine:w', state)).toEqual(['engine:writer'])
  expect(completionsOf(REQUESTS, '-fa', state)).toEqual(['-failed'])
  expect(completionsOf(REQUESTS, 'sort:dur', state)).toEqual(['sort:duration'])
  expect(completionsOf(REQUESTS, 'status:20', state)).toContain('status:200')
})

test('a column sorts, then the other way, then not', () => {
  const { order } = requestFilter('sort:duration')
  const sorted = [...requests].sort((a, b) => order!(a, b, now))
  const lasted = sorted.map(request => (request.endedAt ?? now) - request.startedAt)
  expect(lasted).toEqual([...lasted].sort((a, b) => b - a))
  expect(nextSort('failed', 'duration')).toBe('failed sort:duration')
  expect(nextSort('failed sort:duration', 'duration')).toBe('failed -sort:duration')
  expect(nextSort('failed -sort:duration', 'duration')).toBe('failed')
  expect(nextSort('sort:time', 'duration')).toBe('sort:duration')
})

test('a route is meant exactly where its method is given', () => {
  const labels = (query: string) => [...new Set(found(query).map(({ label }) => label))]
  expect(labels('route:get+/orders')).toEqual(['GET /orders'])
  expect(labels('route:/orders').length).toBeGreaterThan(1)
})
