import { expect, test } from 'vitest'
import { elidedSqlTokens, sqlTokens } from './sql-tokens.ts'

const text = (tokens: { text: string }[]) => tokens.map(t => t.text).join('')

test('tokens hold the whole text, whatever it is', () => {
  for (const sql of [
    `select "a""b", 'it''s', $1 from t -- why\nwhere x <> 1.5 /* so */`,
    `'unclosed "quotes`,
    '<img src=x onerror=alert(1)>',
    '',
    'ünï ☃ \u0000',
  ]) {
    expect(text(sqlTokens(sql))).toBe(sql)
  }
})

test('keywords, literals, parameters and comments are told apart', () => {
  const tokens = sqlTokens(`select "a", $1, ? from t -- b\nwhere /* c /* d */ */ e = $$f$$ and 'select`)
  const told = tokens.filter(({ type }) => type !== 'plain').map(({ type, text }) => `${type} ${text}`)
  expect(told).toEqual([
    'keyword select',
    'name "a"',
    'parameter $1',
    'parameter ?',
    'keyword from',
    'name t',
    'comment -- b',
    'keyword where',
    'comment /* c /* d */ */',
    'name e',
    'literal $$f$$',
    'keyword and',
    "literal 'select",
  ])
})

test('a long select list and a column list are elided, so that the table shows', () => {
  expect(text(elidedSqlTokens('select "id", "name", "price"\n  from "products" where "id" = $1'))).toBe(
    'select ••• from "products" where "id" = $1',
  )
  expect(text(elidedSqlTokens('insert into "orders" ("customer_id", "total") values ($1, $2)'))).toBe(
    'insert into "orders" (•••) values ($1, $2)',
  )
  expect(text(elidedSqlTokens('select * from "t"'))).toBe('select * from "t"')
  expect(elidedSqlTokens('select "id", "name", "price" from "t"')).toContainEqual({
    type: 'elided',
    text: '•••',
  })
})
