import { expect, test } from 'vitest'
import { tablesOf } from './sql-tables.ts'

const said = (text: string) => {
  const { verb, reads, writes } = tablesOf(text)
  return `${verb}: reads ${[...reads].join(' ') || '-'}, writes ${[...writes].join(' ') || '-'}`
}

test.each([
  ['select * from orders where id = $1', 'SELECT: reads orders, writes -'],
  [
    'select a from "Orders" o, public.items i join tags using (id)',
    'SELECT: reads Orders items tags, writes -',
  ],
  ['insert into "t" ("id") values ($1) returning *', 'INSERT: reads -, writes t'],
  ['insert into a select x from b', 'INSERT: reads b, writes a'],
  ['update only shop.stock set n = n + 1 from orders where true', 'UPDATE: reads orders, writes stock'],
  ['delete from t using u where t.id = u.id', 'DELETE: reads -, writes t'],
  ['select * from t where id = 1 for update', 'SELECT: reads t, writes -'],
  ['select n from (select 1 from inner_one) x', 'SELECT: reads inner_one, writes -'],
  ['with gone as (delete from t returning *) select * from gone', 'SELECT: reads -, writes t'],
  ['select extract(year from at) from log', 'SELECT: reads at log, writes -'],
  ["select 'from nowhere' -- from here\n from there", 'SELECT: reads there, writes -'],
  ['insert into t values (1) on conflict do update set n = 2', 'INSERT: reads -, writes t'],
  ['truncate table t', 'TRUNCATE: reads -, writes t'],
  ['BEGIN', 'BEGIN: reads -, writes -'],
  ['', 'null: reads -, writes -'],
])('the tables of %s', (text, expected) => expect(said(text)).toBe(expected))
