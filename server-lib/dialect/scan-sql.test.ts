import { expect, test } from 'vitest'
import { CONFORMING, ESCAPING, POSTGRES } from '../postgres/grammar.ts'
import { skipBlanks, SqlScanner, type SqlGrammar } from './scan-sql.ts'

/** What another database may say of itself. */
const OTHER: SqlGrammar = {
  nestedComments: false,
  hashComments: true,
  dollars: false,
  doubleQuotes: 'string',
  backticks: true,
  backslashes: 'always',
  prefixes: new Map(),
}

function tokens(text: string, grammar: SqlGrammar): string[] {
  const scanner = new SqlScanner(text, grammar)
  const found: string[] = []
  while (scanner.next()) {
    const lacksQuote = ['name', 'string'].includes(scanner.kind) && scanner.isOpen
    found.push(`${scanner.kind}${lacksQuote ? ' open' : ''} ${scanner.text}`)
  }
  return found
}

test.each<[string, ...string[]]>([
  [''],
  [' \n'],
  ['select a$1, É_é', 'word select', 'word a$1', 'sign ,', 'word É_é'],
  ['"a""b" "c', 'name "a""b"', 'name open "c'],
  ["'it''s' 'c", "string 'it''s'", "string open 'c"],
  ['$$a$$ $t$a$$b$t$ $t$c', 'string $$a$$', 'string $t$a$$b$t$', 'string open $t$c'],
  ['$12 $ a', 'parameter $12', 'sign $', 'word a'],
  [
    '1 1.5e-9 .5 0xFF 1_0 1..2',
    ...'1 1.5e-9 .5 0xFF 1_0 1'.split(' ').map(n => `number ${n}`),
    'sign .',
    'number .2',
  ],
  ['1a$b$ 1e--c', 'number 1a$b$', 'number 1e', 'comment --c'],
  ['1e5$$a$$', 'number 1e5', 'string $$a$$'],
  ['a-- b\rc', 'word a', 'comment -- b', 'word c'],
  ['/* a /* b */ */ c /* d', 'comment /* a /* b */ */', 'word c', 'comment /* d'],
  ['a<>-1', 'word a', 'sign <', 'sign >', 'sign -', 'number 1'],
  ['u&"a" `', 'word u', 'sign &', 'name "a"', 'sign `'],
  [
    "B'0' x'1' N'a' U&'b' date'c'",
    "string B'0'",
    "string x'1'",
    "string N'a'",
    "string U&'b'",
    'word date',
    "string 'c'",
  ],
  ["E'a\\'' b", "string E'a\\''", 'word b'],
])('PostgreSQL reads %j', (text, ...read) => {
  for (const grammar of [POSTGRES, CONFORMING, ESCAPING]) expect(tokens(text, grammar)).toEqual(read)
})

test.each<[string, string[], string[], string[]]>([
  ["'a\\' b", ["unsure 'a\\' b"], ["string 'a\\'", 'word b'], ["string open 'a\\' b"]],
  ["N'a\\' b", ["unsure N'a\\' b"], ["string N'a\\'", 'word b'], ["string open N'a\\' b"]],
  ["U&'a\\' b", ["unsure U&'a\\' b"], ["string U&'a\\'", 'word b'], ["string U&'a\\'", 'word b']],
  // The second one is read with the escapes of the first.
  [
    "e'a'\n'\\'' c",
    ["string e'a'\n'\\''", 'word c'],
    ["string e'a'\n'\\''", 'word c'],
    ["string e'a'", "string '\\''", 'word c'],
  ],
  ["'a\\b' c", ["string 'a\\b'", 'word c'], ["string 'a\\b'", 'word c'], ["string 'a\\b'", 'word c']],
])('where a setting says what a backslash is, %j has three readings', (text, unknown, on, off) => {
  expect(tokens(text, POSTGRES)).toEqual(unknown)
  expect(tokens(text, CONFORMING)).toEqual(on)
  expect(tokens(text, ESCAPING)).toEqual(off)
})

test.each<[string, ...string[]]>([
  ['`a``b` "c\\"d"', 'name `a``b`', 'string "c\\"d"'],
  ['/* a /* b */ c', 'comment /* a /* b */', 'word c'],
  ['a # b\nc', 'word a', 'comment # b', 'word c'],
  ["$$ e'a'", 'sign $', 'sign $', 'word e', "string 'a'"],
])('another database reads %j', (text, ...read) => {
  expect(tokens(text, OTHER)).toEqual(read)
})

test('blanks and comments are skipped, and nothing else', () => {
  expect(skipBlanks(' \t/* a /* */ */--b\n\vc', 0, POSTGRES)).toBe(20)
  expect(skipBlanks('-/#"\'$.', 0, POSTGRES)).toBe(0)
  expect(skipBlanks('  ', 0, POSTGRES)).toBe(2)
})
