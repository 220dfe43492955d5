import knexFactory from 'knex'
import { expect, test } from 'vitest'
import { onPool, poolOfOne } from './transacting-knex.ts'

test('a knex that knows no connectionPool, as those before 3.3, runs on the pool that it is given', async () => {
  const sent: string[] = []
  let released = 0
  const connection = {
    query: ({ text }: { text: string }, callback: (error: null, result: object) => void) => {
      sent.push(text)
      callback(null, { rows: [{ one: 1 }], command: 'SELECT' })
    },
  }
  const pool = poolOfOne(
    async () => connection,
    () => ++released > 0,
  )
  const knex = onPool(knexFactory({ client: 'pg', version: '18.0' }), pool)
  expect(await knex.select(knex.raw('1 one'))).toEqual([{ one: 1 }])
  expect([sent, released]).toEqual([['select 1 one'], 1])
})
