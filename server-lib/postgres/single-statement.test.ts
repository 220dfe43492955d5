import { expect, test } from 'vitest'
import { singleStatement } from './single-statement.ts'

test.each([
  ['select 1', true],
  ['select 1; \n ;', true],
  ['select 1; -- more', false],
  ['select 1 as copy', true],
  ['select 1; select 2', false],
  ["select ';', 1", false],
  ['copy t from stdin', false],
  ['/* all of it */ CoPy t to stdout;', false],
  ['', false],
])('%j is known to be one that can be sent among others: %s', (text, isOne) => {
  expect(singleStatement([text]) !== undefined).toBe(isOne)
})

test('with parameters the server takes no second statement', () => {
  expect(singleStatement(["select ';', $1", [1]])).toMatchObject({ values: [1] })
  expect(singleStatement([{ text: 'select 1', name: 'n' }])).toBeUndefined()
})
