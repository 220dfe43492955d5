import { expect, test } from 'vitest'
import { beginsWith, isOneStatement, statementHeads } from './statements.ts'

/** The words and names with which each statement begins, by both readings of a backslash where there is one. */
const wordsOf = (text: string) =>
  [false, true]
    .slice(0, text.includes('\\') ? 2 : 1)
    .flatMap(backslashes => statementHeads(text, backslashes))
    .map(head => head.flatMap(({ kind, value }) => (kind === 'word' || kind === 'name' ? [value] : [])))
    .map(words => words.join(' ').toUpperCase())

test.each([
  ['set /* a /* b */ c */ Transaction -- d\n read write', ['SET TRANSACTION READ WRITE']],
  [
    'begin isolation level repeatable read, read write; ; select 1',
    ['BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE', 'SELECT'],
  ],
  ['set "default_transaction_read_only" = \'off\'', ['SET DEFAULT_TRANSACTION_READ_ONLY']],
  ["select 'a;b', E'\\';', $a$;$a$, U&'\\0041;' ; commit", ['SELECT', 'COMMIT']],
  ['"commit"', ['COMMIT']],
  ['\u00a0commit', ['\u00a0COMMIT']],
  ['', []],
])('the leading words of %s', (text, words) => {
  expect(wordsOf(text).slice(0, words.length)).toEqual(words)
})

test('no more statements are there than were asked for', () => {
  expect(statementHeads('select a; select b', false, 1)).toHaveLength(1)
})

test.each([
  [' /* a /* b */ */ -- c\n;; INSERT into t', true],
  ['insertion', false],
  ['select insert', false],
  ["'insert'", false],
])('the first word of %j is insert: %s', (text, is) => {
  expect(beginsWith(text, /insert\b/iy)).toBe(is)
})

test('where backslashes could be escapes both readings are there', () => {
  expect(wordsOf("select '\\'; set a; --'")).toEqual(['SELECT', 'SET A', 'SELECT'])
  expect(wordsOf("select '\\';'; set a; --'")).toContain('SET A')
})

test.each([
  ["select E'a'\n'\\'; commit; --'", ['SELECT']],
  ["select E'a' -- b\n  -- c\n\t'\\'; commit; --'", ['SELECT']],
  ["select E'a' '\\'; commit; --'", ['SELECT', 'COMMIT']],
  ["select E'a' /*\n*/ '\\'; commit; --'", ['SELECT', 'COMMIT']],
])('a string with escapes goes on in the next line: %j', (text, words) => {
  expect(wordsOf(text).slice(0, words.length)).toEqual(words)
  expect(wordsOf(text).includes('COMMIT')).toBe(words.includes('COMMIT'))
})

test.each([
  'create function f() returns int begin atomic select 1; select case when true then 1 end; select 2; end',
  'create or replace procedure "begin"() language sql begin atomic end',
  'create function f(a int default (case 1 when 1 then 2 end)) returns int begin atomic select a; end',
])('the body of a routine belongs to it: %s', text => {
  const firstWords = (some: string) => wordsOf(some).map(words => words.split(' ')[0])
  expect(firstWords(text)).toEqual(['CREATE'])
  expect(firstWords(`${text}; commit`)).toEqual(['CREATE', 'COMMIT'])
})

/** What a reader that goes back would take minutes for. */
const fragments =
  "a a$ $ $a $a$ $a1 ' '' E' E'\\ \" /* */ -- \n ; commit; ( ) \\ 1 é begin create function f() atomic end;"
test.each([...fragments.split(' '), ' ', "'\n", "E'a'\n", "E'a'\n--", '$a1$a2', 'begin atomic '])(
  'a long text of %j is read once',
  fragment => {
    const text = fragment.repeat(Math.ceil(300_000 / fragment.length))
    const at = performance.now()
    wordsOf(text)
    wordsOf(`create function ${text}`)
    isOneStatement(text)
    expect(performance.now() - at).toBeLessThan(5_000)
  },
)
