import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from './database.ts'
import { expectBackends, expectQuiet } from './ground-truth.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterAll(() => database.drop())

test('a transaction that is left open is seen by the checks that end each test', async () => {
  const client = new pg.Client(database.url)
  await client.connect()
  await client.query('begin')
  await client.query('insert into t values (1)')
  await expect(expectQuiet(database)).rejects.toThrow(/deeply equal/)
  await client.query('rollback')
  await expectQuiet(database)
  await expectBackends(database, 1)
  await client.end()
  await expectBackends(database, 0)
})
