import { expect, test } from 'vitest'
import { undoesReadOnly } from './undo-read-only.ts'

test.each<[string, string | null]>([
  ['set transaction read write', 'SET TRANSACTION READ WRITE'],
  ['SET  TRANSACTION /* x */ ISOLATION LEVEL SERIALIZABLE, READ -- y\n WRITE', 'SET TRANSACTION READ WRITE'],
  ['set transaction isolation level read uncommitted, read write;', 'SET TRANSACTION READ WRITE'],
  ['set local transaction_read_only = off', 'SET transaction_read_only'],
  ['set session "transaction_read_only" to \'off\'', 'SET transaction_read_only'],
  ['set Transaction_Read_Only to default', 'SET transaction_read_only'],
  ['set default_transaction_read_only = false', 'SET default_transaction_read_only'],
  ['set u&"\\0074ransaction_read_only" = off', 'SET a name with escapes'],
  [
    'set session characteristics as transaction read write',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
  ],
  ['begin read write', 'BEGIN READ WRITE'],
  ['begin work isolation level serializable read write', 'BEGIN READ WRITE'],
  ['start transaction read write', 'START TRANSACTION READ WRITE'],
  ['reset transaction_read_only', 'RESET transaction_read_only'],
  ['reset all', 'RESET ALL'],
  ['discard all', 'DISCARD ALL'],
  ['select 1; set transaction read write; delete from t', 'SET TRANSACTION READ WRITE'],
  [";; select ';'; reset all", 'RESET ALL'],
  ['commit; delete from t', 'COMMIT'],
  ['rollback and chain; select 1', 'ROLLBACK'],
  ['end; begin; delete from t', 'END'],
  ["select set_config('transaction_read_only', 'off', true)", 'set_config()'],
  [
    "with x as (select pg_catalog . set_config (\n'Default_Transaction_Read_Only', 'off', false)) select",
    'set_config()',
  ],
  // What is none of it.
  ['select 1', null],
  ['select case when true then 1 end; select 2', null],
  ['set transaction read only', null],
  ['set transaction isolation level repeatable read', null],
  ["set transaction snapshot '00000003-0000001B-1'", null],
  ['set transaction_read_only = on', null],
  ['set default_transaction_read_only to true', null],
  ["set local statement_timeout = '3s'; select 1", null],
  ['set session authorization default', null],
  ['reset role', null],
  ['begin; select 1', null],
  ['begin read only', null],
  ['select 1; commit', null],
  ['commit', null],
  ['savepoint a; rollback to savepoint a; select 1', null],
  ["select 'set transaction read write'", null],
  ['select $$;set transaction read write;$$', null],
  ["select set_config('statement_timeout', '1s', true)", null],
  ["select set_config('transaction_read_only', 'on', true)", null],
  ['select 1 -- ; reset all', null],
  ['', null],
])('%s: %s', (text, words) => {
  expect(undoesReadOnly(text)).toBe(words)
})

test('a name that comes as a parameter counts too', () => {
  const text = 'select set_config($1, $2, true)'
  expect(undoesReadOnly(text, ['transaction_read_only', 'off'])).toBe('set_config()')
  expect(undoesReadOnly(text, ['app.user', '7'])).toBeNull()
})

test('a text of any kind is read in linear time', () => {
  for (const part of ['set_config(', "set_config ' ", 'set u&', ';;', 'reset ', '/*', "'"]) {
    const text = part.repeat(200_000)
    const startedAt = performance.now()
    undoesReadOnly(text)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  }
})
