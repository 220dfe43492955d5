import { setTimeout as sleep } from 'node:timers/promises'
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
const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)

test('a savepoint inside of one of another engine nests in its own, and does not wait for it', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url }),
    other: engine()({ connection: database.url }),
  })
  const db = engines.open()
  const nested = db.main.savepoint(() => db.other.savepoint(() => db.main.savepoint(() => 'inside')))
  expect(await Promise.race([nested, sleep(2_000, 'waits for itself')])).toBe('inside')
  await db.end()
})

test('what is open inside of a savepoint that fails is undone with it, and goes on no more', async () => {
  await using engines = one()
  const db = engines.open()
  await db.main('t').insert({ name: 'before' })
  let inner: Promise<unknown> | undefined
  const outer = db.main.savepoint(async () => {
    inner = db.main.savepoint(async () => {
      await sleep(50)
      await db.main('t').insert({ name: 'inner' })
    })
    await sleep(10)
    throw new Error('outer')
  })
  await expect(outer).rejects.toThrow('outer')
  await expect(inner).rejects.toMatchObject({ code: 'EL_ENDED' })
  expect(db.main.state).toBe('active')
  await db.main.commit()
  expect(await names()).toEqual(['before'])
  await db.end()
})

test('a savepoint whose function swallows an error is undone, and the transaction goes on', async () => {
  await using engines = one()
  const db = engines.open()
  await db.main('t').insert({ name: 'before' })
  const swallowing = db.main.savepoint(async () => {
    await db.main('t').insert({ name: 'inside' })
    await db.main.query('select 1/0').catch(() => {})
  })
  await expect(swallowing).rejects.toMatchObject({ code: 'EL_TRANSACTION_FAILED' })
  await db.main.commit()
  expect(await names()).toEqual(['before'])
  await db.end()
})
