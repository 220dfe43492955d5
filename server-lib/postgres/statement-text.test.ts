import { expect, test } from 'vitest'
import { statementText } from './statement-text.ts'

test.each([
  ["select * from t where a = 'secret'", 'select * from t where a = ?'],
  ["select 'it''s secret', 1", 'select ?, ?'],
  ["select E'it\\'s secret' from t", 'select ? from t'],
  ["select e'a\\\\', 'secret'", 'select ?, ?'],
  ["select U&'\\0073ecret', b'0101', X'1F', n'secret'", 'select ?, ?, ?, ?'],
  ['select $$secret$$, $tag$se$$cret$tag$ from t', 'select ?, ? from t'],
  ['do $do$ begin perform 1; end $do$', 'do ?'],
  ['select "Weird ""name""", "it\'s" from "T"', 'select "Weird ""name""", "it\'s" from "T"'],
  ['select U&"d\\0061t", \'x\'', 'select U&"d\\0061t", ?'],
  ['select a -- secret\nfrom t', 'select a --…\nfrom t'],
  ['select /* secret /* nested */ secret */ a /*+ hint */', 'select /*…*/ a /*…*/'],
  ['select $1, $2 from t1', 'select $1, $2 from t1'],
  ['select a$1, t2.c3 from t2', 'select a$1, t2.c3 from t2'],
  ['insert into t values (1, -2.5, 1e-9, .5, 0xFF, 1_000)', 'insert into t values (?, -?, ?, ?, ?, ?)'],
  ["select a[1:2], '2020-01-01'::date - interval'1 day'", 'select a[?:?], ?::date - interval?'],
  ["select date'2020-01-01'", 'select date?'],
  ["select E'a'\n'secret\\'secret'", 'select ?'],
  ["prepare transaction 'gid'", 'prepare transaction ?'],
  ["select größe, 'Österreich' from straße", 'select größe, ? from straße'],
])('%s', (text, shown) => {
  expect(statementText(text)).toBe(shown)
  expect(statementText(text)).toBe(shown)
})

test.each([
  ['alter role app password "SECRET"', 'alter role app password ?'],
  [
    "ALTER ROLE app WITH LOGIN ENCRYPTED PASSWORD SECRET!1 VALID UNTIL 'x'",
    'ALTER ROLE app WITH LOGIN ENCRYPTED PASSWORD ? VALID UNTIL ?',
  ],
  ['alter role app password /* of app */ SECRET', 'alter role app password /*…*/ ?'],
  ['create user app password $ECRET', 'create user app password ?'],
  ['create user app password ?SECRET in role a', 'create user app password ? in role a'],
  ['alter role app password SEC,RET);RET; set app.key = SECRET', 'alter role app password ? set app.key = ?'],
  ['create user app password =SECRET', 'create user app password =?'],
  ['create user app password $$SECRET$$', 'create user app password ?'],
  ["create user app password E'SECRET\\''", 'create user app password ?'],
  ["create user app password U&'\\0053ECRET' uescape '!'", 'create user app password ? uescape ?'],
  ['create user app connection limit 5 password null', 'create user app connection limit ? password null'],
  ['/* SECRET */ set app.token = SECRET', '/*…*/ set app.token = ?'],
  ['SET LOCAL app.key TO "SECRET", SECRET; select 1', 'SET LOCAL app.key TO ?; select ?'],
  ['set session authorization app', 'set session authorization app'],
  ['set local statement_timeout = 500', 'set local statement_timeout = ?'],
  [
    'set transaction isolation level serializable, read only',
    'set transaction isolation level serializable, read only',
  ],
  ['alter database shop set app.key to SECRET', 'alter database shop set app.key to ?'],
  ['alter role app rename to other', 'alter role app rename to other'],
  ['update t set a = b where password = "SECRET"', 'update t set a = b where password = ?'],
  ['update t set a = "b", c = d.e', 'update t set a = "b", c = d.e'],
  ['alter table t alter c set default a', 'alter table t alter c set default a'],
  ["copy t from program 'curl SECRET'", 'copy t from program ?'],
  ['copy t from program "curl SECRET"', 'copy t from program ?'],
  [
    "select * from dblink('host=db password=SECRET', 'select 1') as t(a int)",
    'select * from dblink(?, ?) as t(a int)',
  ],
  ['select * from dblink("host=db password=SECRET")', 'select * from dblink(?)'],
  [
    "create subscription s connection 'host=db password=SECRET' publication p",
    'create subscription s connection ? publication p',
  ],
  [
    'create subscription s connection "host=db password=SECRET" publication p',
    'create subscription s connection ? publication p',
  ],
  [
    "create user mapping for app server s options (user 'app', password 'SECRET')",
    'create user mapping for app server s options (user ?, password ?)',
  ],
  [
    'alter user mapping for app server s options (set password "SECRET")',
    'alter user mapping for app server s options (set password ?)',
  ],
  ['connect "postgres://app:SECRET@db/shop"', 'connect ?'],
  ['select password, token from users', 'select password, token from users'],
  ['select "password" from "users" where "token" = $1', 'select "password" from "users" where "token" = $1'],
])('a secret that is no literal is hidden: %s', (text, shown) => {
  expect(statementText(text)).toBe(shown)
  expect(statementText(text)).toBe(shown)
})

test('numbers are shown where parameters travel, for then the text was written by a developer', () => {
  expect(statementText("select 1, 'x' from t where id = $1 limit 10", 1)).toBe(
    'select 1, ? from t where id = $1 limit 10',
  )
  expect(statementText('select 1 from t limit 10', 0)).toBe('select ? from t limit ?')
})

test.each([
  ["select 'secret", 'select ?'],
  ['select $a$ secret', 'select ?'],
  ['select /* secret', 'select /*…*/'],
  ['select "secret', 'select "…'],
  // A server with standard_conforming_strings off ends this string elsewhere than others do.
  ["select 'it\\'s secret', a from t", 'select ?…'],
  ["select 'a\\', secret, 'b'", 'select ?…'],
  ['', ''],
  ['$', '$'],
  ['-', '-'],
  ["'", '?'],
  ['\u0000\ud800 select', '\u0000\ud800 select'],
])('a text that cannot be read to its end shows less, not more: %j', (text, shown) => {
  expect(statementText(text)).toBe(shown)
})

test('what is no text at all is shown as nothing', () => {
  expect(statementText(undefined as unknown as string)).toBe('')
  expect(statementText({ toString: null } as unknown as string)).toBe('')
})

test.each([
  ['quotes', "'".repeat(1e6)],
  ['escaped quotes', "E'" + "\\'".repeat(5e5)],
  ['double quotes', '"'.repeat(1e6)],
  ['dollars', '$'.repeat(1e6)],
  ['different dollar tags', Array.from({ length: 2e5 }, (_, index) => `$a${index}`).join(' ')],
  ['comment openings', '/*'.repeat(5e5)],
  ['dashes', '- '.repeat(5e5)],
  ['digits', '1'.repeat(1e6)],
  ['dots', '.'.repeat(1e6)],
  ['letters', 'é'.repeat(1e6)],
  ['a long list', `select ${"'x', ".repeat(2e5)}`],
])('a megabyte of %s takes a moment, not a minute', (_name, text) => {
  const before = performance.now()
  expect(statementText(text).length).toBeLessThan(70_000)
  expect(performance.now() - before).toBeLessThan(2_000)
})

test('none of 2000 random texts around a secret lets it through or throws', () => {
  const parts = [
    "'",
    "''",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    '\\',
    'E',
    'U&',
    ' ',
    'x',
    '$1',
    '7',
    '.',
  ]
  let seed = 42
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below
  for (let round = 0; round < 2_000; round++) {
    const around = Array.from({ length: 6 }, () => parts[random(parts.length)]).join('')
    expect(typeof statementText(around)).toBe('string')
    // A well-formed statement in front, as PostgreSQL would read it.
    expect(
      statementText(`select 'S3CRET', E'S3CRET\\'S3CRET', $q$S3CRET$q$ /*S3CRET*/ ${around}`),
    ).not.toContain('S3CRET')
  }
})
