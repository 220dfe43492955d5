import { expect, test } from 'vitest'
import { beginTexts } from './control.ts'

test('BEGIN brings what holds for the transaction', () => {
  const ordinary = { statementTimeoutMs: undefined, idleInTransactionTimeoutMs: undefined }
  expect(beginTexts(ordinary, { readOnly: false, isolation: undefined })).toEqual(['BEGIN'])
  const impatient = { statementTimeoutMs: 5, idleInTransactionTimeoutMs: 6 }
  expect(beginTexts(impatient, { readOnly: true, isolation: 'serializable' })).toEqual([
    'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY',
    'SET LOCAL statement_timeout = 5',
    'SET LOCAL idle_in_transaction_session_timeout = 6',
  ])
  expect(beginTexts(impatient, { readOnly: false, isolation: undefined })[0]).toBe('BEGIN')
})
