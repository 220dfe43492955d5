import { expect, test } from 'vitest'
import { failureAttributes } from './failure.ts'

test('only a code of the server is a status code', () => {
  const attributes = ['42P01', 'P0001', 'EPIPE', 'ECONNRESET', 'EL_ENDED', null].map(code =>
    Object.values(failureAttributes({ type: 'SomeError', code, message: 'hunter2' })).join(' '),
  )
  expect(attributes).toEqual(['42P01 42P01', 'P0001 P0001', 'EPIPE', 'ECONNRESET', 'EL_ENDED', 'SomeError'])
})
