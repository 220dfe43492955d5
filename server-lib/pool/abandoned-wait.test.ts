import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const one = () =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 1_000 }) })

test('a wait that is given up at any moment of its grant leaves the connection to others', async () => {
  await using engines = one()
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    const holder = engines.open()
    await holder.main.query('select 1')
    const stop = new AbortController()
    const waiter = engines.open({ signal: stop.signal })
    const waiting = waiter.main.query('select 1').catch(() => {})
    await holder.main.commit()
    for (let n = 0; n < microtasks; n++) await Promise.resolve()
    stop.abort()
    await waiting
    await waiter.end()
    await holder.end()
    await expect(
      engines.scope(db => db.main.query('select 1')),
      `${microtasks} microtasks`,
    ).resolves.toBeDefined()
  }
})
