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
  ["prepare transaction 'gid'", 'prepare transaction ?'],
  ["select größe, 'Österreich' from straße", 'select größe, ? from straße'],
])('%s', (text, shown) => {
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
  expect(performance.now() - before).toBeLessThan(200)
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
