import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

test('a pool that is exhausted names its holders: who, since when, from which line', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 500 }),
  })
  const { told, messages, stop } = listen('checkout')
  const holder = engines.open({ label: 'the holder' })
  await holder.main('t').insert({ name: 'x' })
  const waiter = engines.open({ label: 'the waiter' })
  const startedAt = performance.now()
  const error = await waiter
    .main('t')
    .select()
    .catch((caught: unknown) => caught)
  const waited = performance.now() - startedAt
  expect(waited).toBeGreaterThan(490)
  expect(waited).toBeLessThan(2_000)
  const [backend] = await database.backends()
  expect(error).toMatchObject({
    code: 'EL_CHECKOUT_TIMEOUT',
    engine: 'main',
    pool: 'main#1',
    waiting: 1,
    holders: [
      {
        requestLabel: 'the holder',
        backendPid: backend?.pid,
        connection: holder.main.identity?.connection,
        state: 'idle in transaction',
        site: expect.stringMatching(/check-out\.test\.ts:\d+$/),
      },
    ],
  })
  expect((error as Error).message).toMatch(
    /1 of 1 connections of pool main#1 are held .* the holder \(u\d+, c\d+, pid \d+\)/,
  )
  expect(messages.at(-1)).toMatchObject({
    phase: 'failed',
    error: { code: 'EL_CHECKOUT_TIMEOUT' },
    holders: [{ requestLabel: 'the holder' }],
  })
  await holder.end()
  // The waiter that gave up does not get the connection later.
  expect((await waiter.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await waiter.end()
  stop()
  expect(told().filter(line => line.includes('acquired'))).toHaveLength(2)
})

test('waiters are served in the order of asking, and none before its time is called late', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 2 }, checkoutTimeoutMs: 5_000 }),
  })
  const served: number[] = []
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      engines.scope(async db => {
        await db.main.query('select pg_sleep(0.01)')
        served.push(index)
      }),
    ),
  )
  expect(served).toHaveLength(30)
  expect(served.slice(0, 20).every(index => index < 24)).toBe(true)
  await expectBackends(database, 2)
  await engines.close()
  await expectBackends(database, 0)
})

test('a connection that comes dirty is rolled back first, and the leaker is told of', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
  await using engines = createEngines({ main: engine()({ knex }) })
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  const { messages, stop } = listen('checkout')
  await engines.scope(
    async () => {
      await knex.raw('begin')
      await knex('t').insert({ name: 'left open' })
    },
    { label: 'the leaker' },
  )
  const db = engines.open()
  expect(await db.main('t').select()).toEqual([])
  stop()
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(messages).toContainEqual(expect.objectContaining({ phase: 'dirty', status: 'T' }))
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /came from the pool with an open transaction that the leaker at .*check-out\.test\.ts/,
    ),
  ])
  await db.end()
  await engines.close()
  await knex.destroy()
})

test('an autocommit engine replaces a dirty connection instead', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await using engines = createEngines({ log: engine()({ pool, mode: 'autocommit' }) })
  const client = await pool.connect()
  const dirtyPid = (await client.query<{ pid: number }>('select pg_backend_pid() pid')).rows[0]?.pid
  await client.query('begin')
  client.release()
  const onWarning = () => {}
  process.on('warning', onWarning)
  const db = engines.open()
  const { rows } = await db.log.query<{ pid: number }>('select pg_backend_pid() pid')
  process.off('warning', onWarning)
  expect(rows[0]?.pid).not.toBe(dirtyPid)
  await db.end()
  await engines.close()
  await pool.end()
})
