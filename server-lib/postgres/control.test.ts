import { expect, test } from 'vitest'
import { beginTexts, controlRequest } from './control.ts'

test.each([
  ['begin', { ask: 'begin' }],
  ['START TRANSACTION READ ONLY', { ask: 'begin' }],
  ['  Commit;', { ask: 'commit' }],
  ['END', { ask: 'commit' }],
  ['ABORT', { ask: 'rollback' }],
  ['rollback', { ask: 'rollback' }],
  ["prepare transaction 'x'", { ask: 'prepare' }],
  ["commit prepared 'x'", null],
  ["rollback prepared 'x'", null],
  ['prepare plan as select 1', null],
  ['savepoint "a"', { ask: 'savepoint', name: 'a', action: 'set' }],
  ['RELEASE SAVEPOINT trx2;', { ask: 'savepoint', name: 'trx2', action: 'released' }],
  ['release trx2', { ask: 'savepoint', name: 'trx2', action: 'released' }],
  ['ROLLBACK TO trx2', { ask: 'savepoint', name: 'trx2', action: 'rolled back' }],
  ['rollback work to savepoint trx2', { ask: 'savepoint', name: 'trx2', action: 'rolled back' }],
  ['select 1', null],
  ['committed', null],
])('%s', (text, request) => {
  expect(controlRequest(text)).toEqual(request)
})

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
