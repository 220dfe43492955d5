import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const sources = {
  knex: () => engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 1_000 }),
  'pg.Pool': () =>
    engine()({
      pool: () => new pg.Pool({ connectionString: database.url, max: 1 }),
      checkoutTimeoutMs: 1_000,
    }),
}

test.each(Object.entries(sources))(
  'who waits as %s is replaced is served by the new pool',
  async (_kind, source) => {
    await using engines = createEngines({ main: source() })
    const holder = engines.open()
    const waiter = engines.open()
    await holder.main.query('select 1')
    const waiting = waiter.main.query('select 2 as two')
    const replaced = engines.reinit('main')
    expect((await waiting).rows).toEqual([{ two: 2 }])
    await holder.end()
    await waiter.end()
    await replaced
    await engines.close()
    await expectBackends(database, 0)
  },
)

test.each(Object.entries(sources))('%s that still drains is closed with the rest', async (_kind, source) => {
  await using engines = createEngines({ main: source() })
  const holder = engines.open()
  await holder.main.query('select 1')
  const replaced = engines.reinit('main')
  expect(await engines.close({ graceMs: 50 })).toMatchObject({ ended: [expect.anything()] })
  await replaced
  await expectBackends(database, 0)
})

test('a close that cuts a holder closes the idle connections as well', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 3 } }) })
  await Promise.all([1, 2, 3].map(() => engines.scope(db => db.main.query('select pg_sleep(0.05)'))))
  await engines.get('main').knex.transaction()
  await sleep(10)
  expect((await engines.close({ graceMs: 50 })).cut).toHaveLength(1)
  await expectBackends(database, 0)
})
