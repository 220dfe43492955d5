import { expect, test } from 'vitest'
import { aHold, aRequest, found, LINE, made, sentences } from '../testing/made-up.ts'

test('a connection that was handed on while a statement still ran on it names both lines', () => {
  const foundRunning = { id: 'q7', checkout: 'k7', request: 'u2', site: 'src/export.ts:9' }
  const shared = made({
    requests: [
      aRequest({ checkouts: [aHold(5, { foundRunning })] }),
      aRequest({ id: 'u2', label: 'GET /export' }),
    ],
  })
  expect(found(shared, 10)).toEqual(['bad shared connection k1'])
  expect(sentences(shared, 10)[0]).toContain(
    `POST /orders (${LINE}) got connection c1 of writer while a statement of GET /export (src/export.ts:9) still ran on it: two holders have it.`,
  )
})
