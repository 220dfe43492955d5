import { setTimeout as sleep } from 'node:timers/promises'
import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { CANARY, CLEAN } from '../testing/canary.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { BLACK_HOLE, startFaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
let watch: GroundWatch
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
beforeEach(async () => {
  watch = await watchGround(database, { max: 4 })
})
afterEach(async () => {
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const pidOf = 'select pg_backend_pid() as pid'

test.each(['knex', 'pg.Pool'])(
  'R11 a statement that plain use of the pool left running: a session gets another connection at once, %s',
  async source => {
    const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    await using engines = createEngines({ main: engine()(source === 'knex' ? { knex } : { pool }) })
    const take = async () => {
      if (source === 'pg.Pool') {
        const client = await pool.connect()
        return { client, release: () => client.release() }
      }
      const client = (await knex.client.acquireConnection()) as pg.PoolClient
      return { client, release: () => void knex.client.releaseConnection(client) }
    }
    const { client, release } = await take()
    const left = client.query('select pg_sleep(10)').catch((error: unknown) => error)
    const { processID } = client as unknown as { processID: number }
    release()
    const startedAt = performance.now()
    const { rows } = await engines.scope(db => db.main.query(pidOf))
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(rows[0].pid).not.toBe(processID)
    expect(await left).toBeInstanceOf(Error)
    await engines.close()
    await knex.destroy()
    await pool.end()
  },
)

test("R11 what a pool's connect listener still runs on a new connection is nobody's dirt", async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  pool.on('connect', client => void client.query(`select pg_sleep(0.3); set search_path = pg_catalog`))
  await using engines = createEngines({ main: engine()({ pool }) })
  const { rows } = await engines.scope(db => db.main.query('show search_path'))
  expect(rows).toEqual([{ search_path: 'pg_catalog' }])
  expect(pool.totalCount).toBe(1)
})

test('R11 a reset forgets the named statements on both sides, and leaves a read-only connection read-only', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 }, resetOnRelease: true }),
    log: engine()({
      connection: database.url,
      pool: { max: 1 },
      resetOnRelease: true,
      mode: 'autocommit',
      access: 'read',
    }),
  })
  const pids = new Set<unknown>()
  for (let n = 0; n < 3; n++) {
    await engines.scope(async db => {
      const client = db.main.knex.client as { acquireConnection(): Promise<pg.Client> }
      const connection = await client.acquireConnection()
      const { rows } = await connection.query({
        name: 'plan',
        text: 'select $1::int as n, pg_backend_pid() as pid',
        values: [n],
      })
      expect(rows[0].n).toBe(n)
      pids.add(rows[0].pid)
      await expect(db.log.query('insert into t values (1)')).rejects.toMatchObject({ code: '25006' })
    })
  }
  expect(pids.size).toBe(1)
})

test('R11 a reset that gets no answer costs the connection, and neither the commit nor the response', async () => {
  await using proxy = await startFaultProxy(database.url)
  await using engines = createEngines({
    main: engine()({ connection: proxy.url, pool: { max: 1 }, resetOnRelease: true }),
  })
  const lost = proxy.once('DISCARD ALL', 'black hole')
  const db = engines.open()
  await db.main('t').insert({ id: 1 })
  await db.main.commit()
  await lost.hit
  expect(await database.admin('select id from t')).toEqual([{ id: 1 }])
  // Known to be on its way back until the deadline of five seconds.
  expect(engines.get().description.max).toBe(1)
  const ended = db.end()
  expect(await Promise.race([ended, sleep(100, 'on its way')])).toBe('on its way')
  await ended
  expect((await engines.scope(next => next.main.query(CANARY))).rows).toEqual([CLEAN])
})

test('R12 a slow statement that nobody awaited: cancelled, its connection closed, the end within its time', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 } }),
    log: engine()({ connection: database.url, pool: { max: 1 }, mode: 'autocommit' }),
  })
  for (const name of ['main', 'log'] as const) {
    const db = engines.open()
    const { rows } = await db[name].query(pidOf)
    const left = db[name].query('select pg_sleep(30)').catch((error: unknown) => error)
    const queued = db[name].query('insert into t values (1)').catch((error: unknown) => error)
    const startedAt = performance.now()
    await db.end()
    // The grace of a second, and the cancel's way to the server.
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    expect(await left).toMatchObject({ code: 'EL_ENDED' })
    expect(await queued).toMatchObject({ code: 'EL_ENDED' })
    await expectQuiet(database)
    const next = await engines.scope(other => other[name].query(pidOf))
    expect(next.rows[0].pid).not.toBe(rows[0].pid)
  }
  expect(await database.admin('select id from t')).toEqual([])
})

test('R12 a slow statement on a dead network: the end is bounded all the same', async () => {
  await using proxy = await startFaultProxy(database.url)
  await using engines = createEngines({ main: engine()({ connection: proxy.url, pool: { max: 1 } }) })
  const db = engines.open()
  await db.main('t').insert({ id: 1 })
  const left = db.main.query('select pg_sleep(1)').catch((error: unknown) => error)
  proxy.set(BLACK_HOLE)
  const startedAt = performance.now()
  await db.end()
  expect(performance.now() - startedAt).toBeLessThan(2_500)
  expect(await left).toMatchObject({ code: 'EL_ENDED' })
  proxy.reset()
  proxy.set({ toServer: 'pass', toClient: 'pass' })
  expect((await engines.scope(next => next.main('t').select())) as unknown[]).toEqual([])
})
