import knexFactory, { type Knex } from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { engineReports } from '../channels/engine-reports.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { serveAll } from '../testing/watched-app.ts'
import { expectTruth } from '../testing/watched-truth.ts'
import { ending } from '../testing/ending.ts'

const FILE = 'server-lib/watch/life.test.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterEach(() => expectBackends(database, 0))
afterAll(() => database.drop())

const knexOn = (): Knex =>
  knexFactory({
    client: 'pg',
    connection: database.url,
    pool: { min: 0, max: 2 },
    acquireConnectionTimeout: 300,
  })

test('a knex that is destroyed and initialized again is watched on its new pool', async () => {
  const knex = knexOn()
  await using engines = createEngines({ main: engine()({ knex }) })
  await knex.raw('select 1')
  await knex.destroy()
  await expectBackends(database, 0)
  expect(engineReports()[0]?.connections).toEqual([])
  knex.initialize()
  const observed = await serveAll(engines, {
    again: async mark => (await knex.raw(`select ${mark.columns()}`)).rows,
  })
  expect(observed.errors).toEqual({})
  expect(expectTruth(observed, FILE)).toHaveLength(3)
  // Sessions come from the new pool as well.
  expect(await engines.scope(async db => (await db.main.query('select 1 as a')).rows)).toEqual([{ a: 1 }])
  expect(() => createEngines({ other: engine()({ knex }) })).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG' }),
  )
  await engines.close()
  const { messages, stop } = listen('statement', 'checkout', 'pool')
  await knex.raw('select 1')
  await knex.destroy()
  knex.initialize()
  await knex.raw('select 1')
  stop()
  expect(messages).toEqual([])
  await knex.destroy()
})

test('a knex over an application’s pg.Pool: the pool is watched, the lines are those of the builders', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  await using knex = ending(
    knexFactory({ client: 'pg', connectionPool: pool, version: '18.0' } as Knex.Config),
  )
  await using engines = createEngines({ main: engine()({ knex }) })
  const observed = await serveAll(engines, {
    raw: async mark => (await knex.raw(`select ${mark.columns()}`)).rows,
    builder: async mark => knex.select(knex.raw(mark.columns())),
    beside: async mark => pool.query(`select ${mark.columns()}`),
    transaction: async mark => knex.transaction(async trx => trx.select(trx.raw(mark.columns()))),
  })
  expect(observed.errors).toEqual({})
  expect(expectTruth(observed, FILE)).toHaveLength(12)
})

test('two engines on one pool are refused, until the first is closed', async () => {
  const refused = expect.objectContaining({ code: 'EL_CONFIG' })
  const knex = knexOn()
  const pool = new pg.Pool({ connectionString: database.url })
  const over = knexFactory({ client: 'pg', connectionPool: pool, version: '18.0' } as Knex.Config)
  expect(() => createEngines({ a: engine()({ knex, default: true }), b: engine()({ knex }) })).toThrow(
    refused,
  )
  // The failed attempt has let go of what it had begun to watch.
  await using first = createEngines({ a: engine()({ knex, default: true }), b: engine()({ pool }) })
  expect(() => createEngines({ a: engine()({ pool }) })).toThrow(refused)
  expect(() => createEngines({ a: engine()({ knex: over }) })).toThrow(refused)
  await first.close()
  await using second = createEngines({ a: engine()({ knex, default: true }), b: engine()({ pool }) })
  await second.close()
  await Promise.all([knex.destroy(), over.destroy(), pool.end()])
})

test('closing while connections are out and somebody waits: they keep what they have, and nothing is told any more', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using engines = createEngines({ main: engine()({ pool }) })
  const { told, stop } = listen('statement', 'checkout')
  const client = await pool.connect()
  const waiting = pool.query('select 2 as b')
  const running = client.query('select 1 as a')
  expect(await engines.close({ graceMs: 50 })).toMatchObject({ ended: [] })
  expect((await running).rows).toEqual([{ a: 1 }])
  const before = told()
  await client.query('select 3')
  client.release()
  expect((await waiting).rows).toEqual([{ b: 2 }])
  expect(
    told()
      .slice(before.length)
      .filter(line => line.startsWith('statement')),
  ).toEqual([])
  stop()
})

test('what is gone is out of the books: closed connections, and check-outs that failed or were given up', async () => {
  const knex = knexOn()
  await using pool = ending(
    new pg.Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 500 }),
  )
  await using _engines = createEngines({ knex: engine()({ knex, default: true }), pool: engine()({ pool }) })
  const reports = () =>
    engineReports().map(({ connections, waiters, used }) => [connections.length, waiters.length, used])
  const held = await pool.connect()
  await expect(pool.query('select 1')).rejects.toThrow('timeout exceeded')
  await expect(pool.connect()).rejects.toThrow('timeout exceeded')
  const both = await Promise.all([knex.client.acquireConnection(), knex.client.acquireConnection()])
  await expect(knex.raw('select 1')).rejects.toMatchObject({ name: 'KnexTimeoutError' })
  expect(reports()).toEqual([
    [2, 0, 2],
    [1, 0, 1],
  ])
  held.release(true)
  await expect.poll(() => pool.totalCount).toBe(0)
  for (const one of both) await knex.client.releaseConnection(one)
  await knex.destroy()
  await expectBackends(database, 0)
  expect(reports()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ])
})
