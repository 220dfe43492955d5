import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import type { PgClient } from '../postgres/driver.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { SESSION_POINTS, strikeAt } from '../identity/fault-points.ts'
import { eventually } from '../testing/ground-truth.ts'
import { expectBooks, watchGround, type GroundWatch } from '../testing/watch-ground.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
let watch: GroundWatch
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
beforeEach(async () => {
  watch = await watchGround(database, { max: 5 })
})
afterEach(async () => {
  await sleep(20)
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
})
afterAll(() => database.drop())

const fatal = () =>
  Object.assign(new Error('terminating connection'), { code: '57P01', severity: 'FATAL', name: 'error' })
/** As pg tells of it; where nobody can hear it yet or any more, as the network does it. */
const strike = (driver: PgClient | undefined) => {
  const client = driver as unknown as EventEmitter
  if (client.listenerCount('error') > 0) client.emit('error', fatal())
  else driver?.connection?.stream?.destroy()
}
const cut = (driver: PgClient | undefined) => void driver?.connection?.stream?.destroy()

const sources = {
  connection: () => ({ connection: database.url, pool: { max: 2 } }),
  'pg.Pool': () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 2 })
    // As every application must: for its own idle clients.
    pool.on('error', () => {})
    return { pool: () => pool }
  },
}

test.each(Object.keys(sources) as (keyof typeof sources)[])(
  'R16 an error event at any instant of a session ends neither the process nor the engine: %s',
  async source => {
    await using engines = createEngines({ main: engine()(sources[source]()) })
    for (const [point, fault] of SESSION_POINTS.flatMap(one => [
      [one, strike] as const,
      [one, cut] as const,
    ])) {
      using struck = strikeAt(point, fault)
      const db = engines.open()
      for (const end of ['commit', 'rollback'] as const) {
        await Promise.resolve(db.main('t').insert({ id: 1 })).catch(() => {})
        await db.main[end]().catch(() => {})
        await db.main.rollback().catch(() => {})
      }
      await db.main.query('select 1').catch(() => {})
      await db.end()
      expect(struck.struck, point).toBe(1)
      expect((await engines.scope(next => next.main.query('select 1 as one'))).rows, point).toEqual([
        { one: 1 },
      ])
    }
  },
)

test.each(Object.keys(sources) as (keyof typeof sources)[])(
  'R16 killed while idle, while checked out, while ending: nobody but the session hears of it, %s',
  async source => {
    await using engines = createEngines({ main: engine()(sources[source]()) })
    const gone = async (pid: unknown) => {
      await eventually(async () => (await database.backends()).some(one => one.pid === pid), false)
      await expectBooks(database)
    }
    const kill = (pid: unknown) => database.admin('select pg_terminate_backend($1)', [pid])
    for (let round = 0; round < 3; round++) {
      // Idle.
      const idle = await engines.scope(
        async db => (await db.main.query('select pg_backend_pid() as pid')).rows[0].pid,
      )
      await kill(idle)
      await gone(idle)
      // Checked out.
      const db = engines.open()
      await db.main.query('select 1')
      await kill(db.main.identity?.backendPid)
      await expect.poll(() => db.main.state).toBe('lost')
      await db.main.rollback()
      // Ending: the kill and the end at once.
      await db.main.query('select 1')
      const last = db.main.identity?.backendPid
      await Promise.all([kill(last), db.end()])
      await gone(last)
    }
  },
)

test('R16 a server that hangs up while a connection is opened is an error of that check-out', async () => {
  const net = await import('node:net')
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.resetAndDestroy())
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const at = { host: '127.0.0.1', port, user: 'u', database: 'd', password: 'p' }
  const pool = new pg.Pool({ ...at, max: 1 })
  await using engines = createEngines({
    own: engine()({ connection: at, pool: { max: 1 }, checkoutTimeoutMs: 500 }),
    given: engine()({ pool, checkoutTimeoutMs: 500 }),
  })
  for (const name of ['own', 'given'] as const) {
    const db = engines.open()
    await expect(db[name].query('select 1')).rejects.toMatchObject({ code: 'EL_CHECKOUT_FAILED' })
    await db.end()
  }
  await engines.close()
  await pool.end()
  await new Promise(resolve => void server.close(resolve))
})

test('R16 killed while what somebody left on it is rolled back', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  pool.on('error', () => {})
  await using engines = createEngines({ main: engine()({ pool }) })
  const client = await pool.connect()
  await client.query('begin')
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  client.query = ((...args: unknown[]) => {
    cut(client as unknown as PgClient)
    return query(...args)
  }) as typeof client.query
  client.release()
  expect((await engines.scope(db => db.main.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
})

test('R16 close() cuts a client that the application still holds, and listens to in vain', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await using engines = createEngines({ main: engine()({ pool: () => pool }) })
  const client = await pool.connect()
  await client.query('select 1')
  const { cut: holders } = await engines.close({ graceMs: 20 })
  expect(holders.length).toBe(1)
  await sleep(50)
  client.release()
})

test("R16 an error event inside of the application's own listener of the same client", async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  pool.on('error', () => {})
  let nested = 0
  pool.on('connect', client => {
    client.on('error', () => {
      if (nested++ < 3) client.emit('error', new Error('inside'))
    })
  })
  await using engines = createEngines({ main: engine()({ pool }) })
  const db = engines.open()
  await db.main.query('select 1')
  await database.admin('select pg_terminate_backend($1)', [db.main.identity?.backendPid])
  await expect.poll(() => db.main.state).toBe('lost')
  expect(nested).toBeGreaterThan(2)
  await expect(db.main.query('select 1')).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  await db.end()
  expect((await engines.scope(next => next.main.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
})

test('R16 leases leave no listener on a client, its wire or its socket, whatever was done in them', async () => {
  const rounds = process.env.ENGINELIGHT_LONG ? 10_000 : 1_000
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 } }),
    log: engine()({ connection: database.url, pool: { max: 1 }, mode: 'autocommit', access: 'read' }),
    reset: engine()({ connection: database.url, pool: { max: 1 }, resetOnRelease: true }),
  })
  const { signal } = new AbortController()
  const counts = () =>
    engines.names.map(name => {
      const tarn = engines.get(name).knex.client.pool as { free: { resource: PgClient }[] }
      return tarn.free.map(({ resource }) => {
        const wire = resource.connection as unknown as EventEmitter & { stream: EventEmitter }
        return [resource as unknown as EventEmitter, wire, wire.stream].map(emitter =>
          emitter.eventNames().reduce((sum, event) => sum + emitter.listenerCount(event), 0),
        )
      })
    })
  const work = async (n: number) => {
    const db = engines.open({ signal })
    await db.main.query('select 1')
    if (n % 3 === 0) await db.main.commit()
    if (n % 10 === 0) {
      await db.main.query('select 1/0').catch(() => {})
      await db.log.query('select 1/0').catch(() => {})
      await db.main.rollback()
      for await (const _row of db.main.stream('select generate_series(1, 300)')) if (n % 20 === 0) break
      for await (const _row of db.log.stream(db.log.raw('select 1'))) break
      await db.reset.query('select 1')
    } else await db.log.query('select 1')
    await db.end()
  }
  for (let n = 0; n < 20; n++) await work(n)
  const before = counts()
  expect(before.flat(2).every(count => count > 0)).toBe(true)
  for (let n = 0; n < rounds; n++) await work(n)
  expect(counts()).toEqual(before)
})
