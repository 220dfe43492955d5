import { expect, test } from 'vitest'
import { budgetFor } from './budgets.ts'
import { judge } from './index.ts'
import { aRequest, aStatement, made } from './testing/made-up.ts'
import { thresholdsOf } from './thresholds.ts'

test.each([
  ['GET /orders', 'GET /orders', true],
  ['GET /orders/:id', 'GET /orders/17', true],
  ['GET /orders/:id', 'GET /orders/17/items', false],
  ['GET /orders/:id', 'POST /orders/17', false],
  ['GET /orders/*', 'GET /orders/17/items', true],
  ['GET /orders/*', 'GET /orders', false],
  ['*', 'nightly job', true],
])('the budget of %s, for %s', (route, label, fits) => {
  expect(budgetFor({ [route]: 3 }, label)).toEqual(fits ? { route, most: 3 } : undefined)
})

test('the first that fits counts', () => {
  expect(budgetFor({ 'GET /a/:id': 1, '*': 9 }, 'GET /a/5')?.most).toBe(1)
  expect(budgetFor({ '*': 9, 'GET /a/:id': 1 }, 'GET /a/5')?.most).toBe(9)
})

test('a request over its budget is found, control statements aside', () => {
  const texts = ['BEGIN', 'select 1', 'select 2', 'select 3', 'COMMIT']
  const statements = texts.map((text, i) => aStatement({ id: `q${i}`, text }))
  const sentences = (most: number) => {
    const state = made({ requests: [aRequest({ statements, endedAt: 50 })] })
    return judge(state, thresholdsOf(state, { 'POST /orders': most }), 99).map(({ sentence }) => sentence)
  }
  expect(sentences(3)).toEqual([])
  expect(sentences(2)).toEqual(['POST /orders sent 3 statements; the budget of POST /orders is 2.'])
})
