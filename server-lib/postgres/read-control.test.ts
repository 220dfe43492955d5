import { assert, asyncProperty, constantFrom, array, boolean } from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { readControl } from './read-control.ts'

const no = { isolation: undefined, readOnly: undefined }

test.each([
  ['BEGIN', { ask: 'begin', words: 'BEGIN', modes: no }],
  ['  bEgIn ;', { ask: 'begin', words: 'BEGIN', modes: no }],
  ['begin work', { ask: 'begin', words: 'BEGIN', modes: no }],
  ['begin transaction;;', { ask: 'begin', words: 'BEGIN TRANSACTION', modes: no }],
  ['/* a /* b */ c */ -- d\n\tSTART TRANSACTION', { ask: 'begin', words: 'START TRANSACTION', modes: no }],
  [
    'start transaction isolation level repeatable read, read only deferrable',
    {
      ask: 'begin',
      words: 'START TRANSACTION ISOLATION',
      modes: { isolation: 'repeatable read', readOnly: true },
    },
  ],
  [
    'begin read write, isolation level read uncommitted, not deferrable',
    { ask: 'begin', words: 'BEGIN', modes: { isolation: 'read committed', readOnly: false } },
  ],
  ['begin nonsense', { ask: 'unclear', words: 'BEGIN' }],
  [`begin ${'read only, '.repeat(20)} read only`, { ask: 'unclear', words: 'BEGIN' }],
  ['COMMIT', { ask: 'commit', words: 'COMMIT', chain: false }],
  ['end transaction', { ask: 'commit', words: 'END TRANSACTION', chain: false }],
  ['commit work and chain', { ask: 'commit', words: 'COMMIT AND', chain: true }],
  ['commit and no chain', { ask: 'commit', words: 'COMMIT AND', chain: false }],
  ['ROLLBACK', { ask: 'rollback', words: 'ROLLBACK', chain: false }],
  ['abort', { ask: 'rollback', words: 'ABORT', chain: false }],
  ['rollback transaction and chain', { ask: 'rollback', words: 'ROLLBACK TRANSACTION AND', chain: true }],
  ['SAVEPOINT Trx2', { ask: 'savepoint', words: 'SAVEPOINT', name: 'trx2' }],
  ['savepoint "Trx ""2"""', { ask: 'savepoint', words: 'SAVEPOINT', name: 'Trx "2"' }],
  ['savepoint savepoint', { ask: 'savepoint', words: 'SAVEPOINT SAVEPOINT', name: 'savepoint' }],
  ['release trx2', { ask: 'release', words: 'RELEASE', name: 'trx2' }],
  ['release savepoint/**/trx2;', { ask: 'release', words: 'RELEASE SAVEPOINT', name: 'trx2' }],
  ['rollback to a', { ask: 'rollback to', words: 'ROLLBACK TO', name: 'a' }],
  ['abort work to savepoint "A"', { ask: 'rollback to', words: 'ABORT TO', name: 'A' }],
  ["prepare transaction 'secret'", { ask: 'prepare', words: 'PREPARE TRANSACTION' }],
  ["commit prepared 'secret'", { ask: 'end prepared', words: 'COMMIT PREPARED' }],
  ["rollback prepared 'secret'", { ask: 'end prepared', words: 'ROLLBACK PREPARED' }],
  [
    'set transaction isolation level serializable',
    {
      ask: 'set transaction',
      words: 'SET TRANSACTION ISOLATION',
      modes: { isolation: 'serializable', readOnly: undefined },
    },
  ],
  ["set transaction snapshot 'x'", { ask: 'unclear', words: 'SET TRANSACTION' }],
  ["set app.password = 'secret'", { ask: 'session', words: 'SET' }],
  ['set session statement_timeout = 5', { ask: 'session', words: 'SET SESSION' }],
  ['set session characteristics as transaction read only', { ask: 'session' }],
  ['set role somebody', { ask: 'session', words: 'SET ROLE' }],
  ['reset all', { ask: 'session', words: 'RESET ALL' }],
  ['Discard All', { ask: 'session', words: 'DISCARD ALL' }],
  ['deallocate all', { ask: 'session', words: 'DEALLOCATE ALL' }],
  ['DEALLOCATE PREPARE ALL;', { ask: 'session', words: 'DEALLOCATE ALL' }],
  ['deallocate mine', null],
  ['deallocate "all"', null],
  ['listen secret', { ask: 'session', words: 'LISTEN' }],
  ['unlisten *', { ask: 'session', words: 'UNLISTEN' }],
  ["load 'x'", { ask: 'session', words: 'LOAD' }],
  ['declare c cursor with hold for select 1', { ask: 'session', words: 'DECLARE' }],
  ['BEGIN; INSERT INTO t VALUES (1); COMMIT', { ask: 'several', words: 'BEGIN' }],
  ["select ';'; commit", { ask: 'several', words: 'COMMIT' }],
  ["insert into t values ('a'); rollback to x", { ask: 'several', words: 'ROLLBACK TO' }],
  ['select 1; set x = 1', { ask: 'session', words: 'SET' }],
  ["select E'\\'; commit; select '", null],
  ["select '\\'; commit; --'", { ask: 'several', words: 'COMMIT' }],
  ["select '\\'''; commit; --'", { ask: 'several', words: 'COMMIT' }],
  // Where standard_conforming_strings is off.
  ["select '\\';'; commit; --'", { ask: 'several', words: 'COMMIT' }],
  ['select $a$ ; commit; $b$ $a$', null],
  ['select $1; select $2', null],
  ['select a$b$; commit; select $b$', { ask: 'several', words: 'COMMIT' }],
  ["select fooE'\\'; commit; --'", { ask: 'several', words: 'COMMIT' }],
  ['select "; commit; "', null],
  ['select 1 -- ; commit', null],
  ['select 1 /* ; /* ; commit; */ ; commit; */', null],
  ['create rule r as on insert to t do also (delete from u; delete from v)', null],
  ['create or replace function f() returns int begin atomic select 1; select 2; end', null],
  ['create procedure p() begin atomic select 1; end; commit', { ask: 'several', words: 'COMMIT' }],
  ['create table begin (atomic int); commit', { ask: 'several', words: 'COMMIT' }],
  ['set local x = 1', null],
  ['set constraints all deferred', null],
  ['prepare plan as select 1', null],
  ['declare c cursor for select 1', null],
  ['"commit"', null],
  ['committed', null],
  ['\u00a0commit', null],
  ['', null],
  [' ; -- nothing', null],
])('%s', (text, control) => {
  if (control === null) expect(readControl(text)).toBeNull()
  else expect(readControl(text)).toMatchObject(control)
})

describe('against the server', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    database = await createDatabase('create table t (a text)')
    client = new pg.Client(database.url)
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await database.drop()
  })

  /** What makes and breaks quotes and comments, with statements that end a transaction among them. */
  const words =
    `' '' " E e E' U&' N' \\ $ $$ $a$ $1 a _ 1 é -- /* */ * / ; ; ; ( ) , . - commit ;commit; COMMIT end end;
     begin atomic rollback abort; release case when work '; '; commit;--`.split(/\s+/)
  const spaced = [
    'select ',
    'select 1;',
    ' as ',
    'rollback to s;',
    'release s',
    "select '",
    'select $a$',
    ' and chain',
  ]
  const routines = ['begin atomic select 1;', 'create function f() returns int ']
  const pieces = constantFrom(...words, ...spaced, ...routines, '\n', '\r', ' ', '\t', '\u00a0', '\v')
  const runs = process.env.ENGINELIGHT_LONG === '1' ? 100_000 : 2_000

  test('no text that ends the transaction or its savepoint is taken for an ordinary one', async () => {
    let ended = 0
    await assert(
      asyncProperty(array(pieces, { minLength: 1, maxLength: 9 }), boolean(), async (some, conforming) => {
        const text = some.join('')
        await client.query('rollback')
        await client.query(
          `begin; set local standard_conforming_strings = ${conforming ? 'on' : 'off'};
           set local escape_string_warning = off; select pg_current_xact_id(); savepoint s; savepoint s`,
        )
        await client.query(text).catch(() => {})
        // 25P02 is a transaction that has failed, and is still there.
        const over = await client.query('release s; release s').then(
          () => false,
          (error: { code?: string }) => error.code !== '25P02',
        )
        if (over) ended++
        expect(over && readControl(text) === null, JSON.stringify(text)).toBe(false)
      }),
      { numRuns: runs },
    )
    expect(ended).toBeGreaterThan(runs / 100)
  }, 120_000)
})

test('a long run of white space is read once', () => {
  const at = performance.now()
  expect(readControl(`select${' '.repeat(100_000)};${' '.repeat(100_000)}commit`)).toMatchObject({
    ask: 'several',
  })
  expect(performance.now() - at).toBeLessThan(1_000)
})
