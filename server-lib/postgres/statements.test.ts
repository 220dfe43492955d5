import { expect, test } from 'vitest'
import { isOneStatement, leadingWords } from './statements.ts'

const wordsOf = (text: string) => leadingWords(text).map(words => words.join(' '))

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

test('no more words are there than were asked for', () => {
  expect(leadingWords('select a, b, c', 2)).toEqual([['SELECT', 'A']])
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
  expect(leadingWords(text, 1)).toEqual([['CREATE']])
  expect(leadingWords(`${text}; commit`, 1)).toEqual([['CREATE'], ['COMMIT']])
})

/** What a reader that goes back would take minutes for. */
const fragments =
  "a a$ $ $a $a$ $a1 ' '' E' E'\\ \" /* */ -- \n ; commit; ( ) \\ 1 é begin create function f() atomic end;"
test.each([...fragments.split(' '), ' ', "'\n", "E'a'\n", "E'a'\n--", '$a1$a2', 'begin atomic '])(
  'a long text of %j is read once',
  fragment => {
    const text = fragment.repeat(Math.ceil(300_000 / fragment.length))
    const at = performance.now()
    leadingWords(text, 1)
    leadingWords(`create function ${text}`, 1)
    isOneStatement(text)
    expect(performance.now() - at).toBeLessThan(5_000)
  },
)
