import { expect, test } from 'vitest'
import { recorded, requestsOf } from '../../instrumentation/model/testing/fixture.ts'
import { requestFilter } from './request-filter.ts'

const { state, now } = recorded('exhausted', 16_000)
const labels = (query: string) => {
  const { matches } = requestFilter(query)
  return [
    ...new Set(
      requestsOf(state)
        .filter(r => matches(r, now))
        .map(r => r.label),
    ),
  ].toSorted()
}

test('words narrow the list, each in its way', () => {
  expect(labels('n+1')).toEqual(['GET /orders'])
  expect(labels('leaked')).toEqual(['GET /export'])
  expect(labels('aborted')).toEqual(['GET /search'])
  expect(labels('payments')).toEqual(['POST /pay'])
  expect(labels('cart status:201 -slow:>1000')).toEqual(['POST /cart'])
  expect(labels('engine:nope')).toEqual([])
  expect(labels('status:5xx')).not.toContain('GET /products/:id')
})

test('what is typed is never read as a pattern', () => {
  for (const query of ['status:(', 'slow:>x', '[', '*', '-', ':', 'engine:'])
    expect(() => labels(query)).not.toThrow()
})
