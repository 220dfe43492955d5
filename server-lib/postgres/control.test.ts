import { expect, test } from 'vitest'
import { beginText, controlRequest } from './control.ts'

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

test('BEGIN carries what holds for the transaction in one text', () => {
  expect(
    beginText({ readOnly: false, statementTimeoutMs: undefined, idleInTransactionTimeoutMs: undefined }),
  ).toBe('BEGIN')
  expect(beginText({ readOnly: true, statementTimeoutMs: 5, idleInTransactionTimeoutMs: 6 })).toBe(
    'BEGIN READ ONLY; SET LOCAL statement_timeout = 5; SET LOCAL idle_in_transaction_session_timeout = 6',
  )
})
