import { array, assert, asyncProperty, boolean, constantFrom, oneof, tuple } from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { ownersControl, readControl } from './read-control.ts'
import { statementHeads } from './statements.ts'

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
  ['select 1 as ";/*"; commit', { ask: 'several', words: 'COMMIT' }],
  ["select ';--'; commit", { ask: 'several', words: 'COMMIT' }],
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
  }, 600_000)

  /** Statements that the server takes, with everything in them that could hide a semicolon or end what hides one. */
  const inside = constantFrom(
    ..."' '' \\ \\' \" $ $$ $a$ -- /* */ ; ;commit; ; end ( ) a 1 é e' end \\0041".split(' '),
    '; commit; ',
    ' ',
    '\n',
    "'\n'",
    "' --\n'",
    '";/*',
    "';--",
  )
  const hidden = array(inside, { maxLength: 4 }).map(some => some.join(''))
  const blank = oneof(
    { weight: 6, arbitrary: constantFrom(' ', '\n', '\t', '\r\n', ' -- ;\n', '/* ; */', '/*/**/;*/') },
    hidden.map(text => ` /*${text}*/ `),
    hidden.map(text => ` --${text}\n`),
  )
  const value = oneof(
    constantFrom(
      '1',
      '1_0',
      '1.5e1',
      '- -1',
      '1 +/**/ 1',
      'case when true then 1 end',
      '(case 1 when 1 then 2 end)',
    ),
    ...["'", "E'", "e'", "N'", "U&'"].map(open => hidden.map(text => `${open}${text}'`)),
    ...['$$', '$a$', '$é1$', '$_$'].map(tag => hidden.map(text => `${tag}${text}${tag}`)),
    hidden.map(text => `1 as "${text}_"`),
    constantFrom('1 as a$a$', '1 as é', "B'01'", "x'1F'", `U&"\\0061" from (select 1 as a) a`),
  )
  const select = tuple(blank, value, blank, value).map(([a, b, c, d]) => `select${a}${b}${c},${d}`)
  const routine = tuple(
    array(oneof(select, constantFrom('select case when true then 1 end')), { maxLength: 3 }),
    blank,
  ).map(
    ([body, between]) =>
      `create or replace function pg_temp.f() returns void begin${between}atomic ${body.map(one => `${one};`).join('')} end`,
  )
  const ending = constantFrom(
    'commit',
    'end',
    'Rollback',
    'abort work',
    'commit and chain',
    'end work and no chain',
  )
  const harmless = constantFrom(
    'savepoint a',
    'savepoint a; rollback to a',
    'savepoint a;abort transaction to savepoint a',
    '',
  )
  const statement = oneof({ weight: 4, arbitrary: select }, routine, ending, harmless)
  const separated = array(tuple(blank, statement, blank), { minLength: 1, maxLength: 4 }).map(some =>
    some.map(parts => parts.join('')).join(';'),
  )

  test('a text that the server takes has as many statements as it answers, and ends what it ends', async () => {
    const seen = { taken: 0, ended: 0, several: 0 }
    await assert(
      asyncProperty(separated, boolean(), async (text, conforming) => {
        await client.query('rollback')
        await client.query(
          `begin; set local standard_conforming_strings = ${conforming ? 'on' : 'off'}; set local escape_string_warning = off`,
        )
        const answer = await client.query(text).catch(() => undefined)
        if (!answer) return
        const commands = [answer].flat().flatMap(({ command }) => (command === null ? [] : [command]))
        const heads = statementHeads(text, !conforming)
        expect(heads.length, JSON.stringify([text, commands])).toBe(commands.length)
        const ends = commands.some(
          (command, at) => command === 'COMMIT' || (command === 'ROLLBACK' && !isBack(heads[at])),
        )
        if (ends) expect(ownersControl(text), JSON.stringify(text)).not.toBeNull()
        if (!text.includes('\\')) expect(ownersControl(text) !== null, JSON.stringify(text)).toBe(ends)
        seen.taken++
        if (ends) seen.ended++
        if (commands.length > 1) seen.several++
      }),
      { numRuns: runs },
    )
    expect(Math.min(seen.taken, seen.ended * 2, seen.several * 2), JSON.stringify(seen)).toBeGreaterThan(
      runs / 10,
    )
  }, 600_000)

  const isBack = (head: { value: string }[] = []) => head.some(({ value }) => value === 'to')
})

test('a long run of white space is read once', () => {
  const at = performance.now()
  expect(readControl(`select${' '.repeat(100_000)};${' '.repeat(100_000)}commit`)).toMatchObject({
    ask: 'several',
  })
  expect(performance.now() - at).toBeLessThan(1_000)
})
