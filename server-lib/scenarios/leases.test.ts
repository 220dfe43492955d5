import { setTimeout as sleep } from 'node:timers/promises'
import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { registerLeases } from '../testing/lease-register.ts'
import { Seeded } from '../testing/seeded.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'
import { untilRuns } from '../testing/ground-truth.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
let watch: GroundWatch
beforeAll(async () => {
  database = await createDatabase(
    'create table marker (session text, pid int default pg_backend_pid(), n serial)',
  )
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 6 })
})
afterEach(async () => {
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
})
afterAll(() => database.drop())

const pidOf = 'select pg_backend_pid() as pid'

test('R10 a client that was released already cannot be released from under a session: pg.Pool', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using engines = createEngines({ main: engine()({ pool }) })
  const stale = await pool.connect()
  stale.release()
  const db = engines.open()
  await db.main('marker').insert({ session: 'victim' })
  expect(() => stale.release()).toThrow(
    expect.objectContaining({ code: 'EL_STALE_RELEASE', session: expect.stringMatching(/^s\d+$/) }),
  )
  const third = engines.open()
  const waiting = third.main.query(pidOf)
  await expect(Promise.race([waiting, sleep(50, 'waits')])).resolves.toBe('waits')
  await db.main.commit()
  await waiting
  await Promise.all([db.end(), third.end()])
  // The pool's own refusal is back once nobody of ours holds it.
  expect(() => stale.release()).toThrow(/already been released/)
  expect(await database.admin('select session from marker')).toEqual([{ session: 'victim' }])
})

test.each(['connection', 'knex'])(
  "R10 a connection that was released already cannot be released from under a session: knex's pool, %s",
  async source => {
    await using knex = ending(
      knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } }),
    )
    await using engines = createEngines({
      main: engine()(source === 'knex' ? { knex } : { connection: database.url, pool: { max: 1 } }),
    })
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    const plain = engines.get().knex.client as {
      acquireConnection(): Promise<object>
      releaseConnection(connection: object): Promise<void>
    }
    const stale = await plain.acquireConnection()
    await plain.releaseConnection(stale)
    const db = engines.open()
    await db.main.query('select 1')
    await plain.releaseConnection(stale)
    const third = engines.open()
    const waiting = third.main.query(pidOf)
    await expect(Promise.race([waiting, sleep(50, 'waits')])).resolves.toBe('waits')
    process.off('warning', onWarning)
    expect(warnings).toEqual([expect.objectContaining({ code: 'EL_STALE_RELEASE', engine: 'main' })])
    await db.main.commit()
    await waiting
    await Promise.all([db.end(), third.end()])
  },
)

test('R10 release() during a statement waits for it, twice gives back once, and the session goes on', async () => {
  const register = registerLeases()
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 2 } }) })
  const db = engines.open()
  const slow = db.main.query('select pg_backend_pid() as pid, pg_sleep(0.2)')
  const released = Promise.all([db.main.release(), db.main.release(), db.main.rollback()])
  const after = db.main.query(pidOf)
  expect((await slow).rows[0].pid).toEqual(expect.any(Number))
  await released
  await after
  await db.end()
  expect(register.leases().length).toBe(2)
  expect({ overlaps: register.overlaps(), open: register.open() }).toEqual({ overlaps: [], open: [] })
  register.stop()
})

test('R10 a session that is used beyond its request touches nobody', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  let kept: ReturnType<typeof engines.open> | undefined
  await engines.scope(async db => {
    kept = db
    await db.main.query('select 1')
  })
  const late = kept?.main
  const victim = engines.open()
  await victim.main('marker').insert({ session: 'beyond' })
  const uses: (() => unknown)[] = [
    () => late?.query('rollback'),
    () => late?.('marker').insert({ session: 'intruder' }),
    () => late?.commit(),
    () => late?.rollback(),
    () => late?.release(),
    () => late?.savepoint(async () => {}),
    () => late?.knex('marker').select(),
  ]
  for (const use of uses)
    await expect(Promise.resolve().then(use)).rejects.toMatchObject({ code: 'EL_ENDED' })
  await victim.main.commit()
  await victim.end()
  expect(await database.admin(`select session from marker where session in ('beyond', 'intruder')`)).toEqual([
    { session: 'beyond' },
  ])
})

test.each(['idle in a transaction', 'running a statement', 'released'])(
  'R10 end() of the driver by the application, %s: an error for the session, none for the next',
  async when => {
    await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
    const drivers: pg.PoolClient[] = []
    pool.on('connect', driver => void drivers.push(driver))
    await using engines = createEngines({ main: engine()({ pool }) })
    const db = engines.open()
    await db.main.query('select 1')
    const running = when === 'running a statement' ? db.main.query('select pg_sleep(5)') : undefined
    if (when === 'released') await db.main.commit()
    // A cancel that overtakes its statement finds nothing to cancel: the server has to have begun.
    if (running) await untilRuns(database, 'pg_sleep(5)')
    const ended = (drivers[0] as unknown as pg.Client).end()
    if (running) await expect(running).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    await ended
    if (when === 'released') await db.main.query('select 1')
    else await expect(db.main.query('select 1')).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    await db.main.rollback()
    await db.main.query('select 1')
    await db.end()
    expect((await engines.scope(other => other.main.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
    expect({ total: pool.totalCount, idle: pool.idleCount }).toEqual({ total: 1, idle: 1 })
  },
)

test('R10 interleaved sessions: every row was written by the backend that its session held', async () => {
  const seed = Number(process.env.ENGINELIGHT_SEED ?? Date.now() % 1_000_000)
  const chance = new Seeded(seed)
  const register = registerLeases()
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 2 } }),
    log: engine()({ connection: database.url, pool: { max: 2 }, mode: 'autocommit' }),
  })
  const sessions = new Set<string>()
  const worker = async () => {
    for (let n = 0; n < 25; n++) {
      const db = engines.open()
      for (const session of chance.chance(0.5) ? [db.main, db.log] : [db.log, db.main]) {
        const write = () =>
          session.query('insert into marker (session) values ($1)', [
            `${db.info.requestId} ${session.info.engine}`,
          ])
        await Promise.all([write(), write()])
        if (chance.chance(0.3)) await Promise.all([session.release(), session.release()])
        if (chance.chance(0.5)) await write()
        if (chance.chance(0.5)) await session.commit()
      }
      sessions.add(db.info.requestId)
      if (chance.chance(0.3)) void db.end()
      else await db.end()
    }
  }
  await Promise.all(Array.from({ length: 6 }, worker))
  await expect.poll(() => register.open(), { message: `seed ${seed}` }).toEqual([])
  expect(register.overlaps(), `seed ${seed}`).toEqual([])
  expect(register.leases().length).toBeGreaterThan(sessions.size)
  register.stop()
})
