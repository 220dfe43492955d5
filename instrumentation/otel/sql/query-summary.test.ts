import { expect, test } from 'vitest'
import { querySummary } from './query-summary.ts'

test('a summary names operations and tables in the order of the text', () => {
  const summaries = {
    'select * from "orders" where "id" = $1': 'select orders',
    'SELECT *\nFROM songs,\n artists a WHERE songs.a = a.id': 'SELECT songs artists',
    'SELECT * FROM (SELECT * FROM orders o JOIN customers c ON o.c = c.id) x':
      'SELECT SELECT orders customers',
    'INSERT INTO shipping (a, b) SELECT a, b FROM orders WHERE a = 1': 'INSERT shipping SELECT orders',
    'select * from "Song List", public.artists': 'select "Song List" public.artists',
    'insert into "orders" ("a") values ($1), ($2) returning "id"': 'insert orders',
    'insert into t values (1) on conflict (id) do update set a = 2': 'insert t',
    'update only "orders" set "a" = $1 where "id" in (select id from old)': 'update orders select old',
    'update t set a = s.a from s where s.id = t.id': 'update t s',
    'delete from orders using customers where true': 'delete orders customers',
    'select extract(year from at), a is distinct from b from t for update': 'select t',
    'select * from t left join u on t.id = u.id, v where x in (1, 2)': 'select t u v',
    'select count(*) from generate_series(1, 10) g, t': 'select t',
    'with old as (delete from orders returning *), n(x) as (select 1) insert into archive select * from old':
      'delete orders select insert archive select',
    'merge into a using b on a.id = b.id when matched then update set x = 1': 'merge a b',
    'create table if not exists "orders" (id int, note text)': 'create table orders',
    'create unique index concurrently i on t (a)': 'create unique index i',
    'truncate orders, customers': 'truncate orders',
    'select 1; delete from b': 'select delete b',
    "set local timezone = 'x'": 'set',
    'call refresh_totals(4)': 'call refresh_totals',
    'select 1': 'select',
    "/* hunter2 */ -- hunter2\n select 'hunter2 from x', $$ from hunter2 $$, E'\\' from hunter2' from t":
      'select t',
    hunter2: undefined,
    "'hunter2": undefined,
    '': undefined,
    "select 'it\\' from hunter2', a from t": 'select',
  }
  const actual = Object.fromEntries(Object.keys(summaries).map(text => [text, querySummary(text)]))
  expect(actual).toEqual(summaries)
})

test('a summary is cut between words at 255 characters', () => {
  const tables = Array.from({ length: 60 }, (_, i) => `table_${i}`)
  const summary = querySummary(`select * from ${tables.join(', ')}`)!
  expect(summary.length).toBeLessThanOrEqual(255)
  expect(summary.split(' ')).toEqual(['select', ...tables].slice(0, summary.split(' ').length))
})

test('no literal gets into a summary, wherever it stands and however it is quoted', () => {
  const secret = 'hunter2'
  const literals = [
    `'${secret}'`,
    `'it''s ${secret}'`,
    `E'\\'${secret}'`,
    `$$${secret}$$`,
    `$a$ from ${secret} $a$`,
    `X'${secret}'`,
    `U&'${secret}'`,
    `-- ${secret}\n`,
    `/* /* x */ ${secret} */`,
  ]
  const unended = [`'${secret}`, `$$${secret}`, `/* ${secret}`, `E'\\' ${secret}`, `"${secret}`]
  const texts = [
    'select * from t where a = ?',
    'select * from ?',
    'insert into t values (?)',
    'update ? set a = 1',
    'delete from ? where b',
    'with ? as (select 1) select ? from ?',
    'create table ?',
    'call ?',
    '? select 1',
    'select a from t, ? join ?',
    '?',
  ]
  const attempts = [
    ...texts.flatMap(text => literals.map(literal => text.replaceAll('?', () => literal))),
    ...texts.flatMap(text => unended.map(literal => text.replace('?', () => literal).replaceAll('?', '1'))),
  ]
  const leaks = attempts.filter(text => querySummary(text)?.includes(secret))
  expect(leaks).toEqual([])
})
