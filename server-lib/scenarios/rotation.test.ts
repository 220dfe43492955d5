import { setTimeout as sleep } from 'node:timers/promises'
import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
let role: string
beforeAll(async () => {
  database = await createDatabase('create table t (name text)')
  role = `r_${database.name}`
  await database.admin(`create role ${role} login password 'first'`)
  await database.admin(`grant all on t to ${role}`)
})
afterAll(async () => {
  await database.admin(`drop owned by ${role}`)
  await database.admin(`drop role ${role}`)
  await database.drop()
})

test('R43 credentials are rotated under load without an error: each pool is replaced, each old one drained', async () => {
  await using watch = await watchGround(database, { max: 3 * 2 * 3 })
  let password = 'first'
  const { hostname: host, port } = new URL(database.url)
  const server = { host, port: Number(port), user: role, database: database.name }
  await using engines = createEngines({
    asked: engine()({ connection: { ...server, password: () => password }, pool: { max: 3 } }),
    knex: engine()({
      knex: () =>
        knexFactory({ client: 'pg', connection: { ...server, password }, pool: { min: 0, max: 3 } }),
    }),
    pool: engine()({ pool: () => new pg.Pool({ ...server, password: async () => password, max: 3 }) }),
  })
  const stop = new AbortController()
  let units = 0
  const failures: unknown[] = []
  const work = async (name: (typeof engines.names)[number]) => {
    while (!stop.signal.aborted) {
      await engines
        .scope(async db => {
          await db[name]('t').insert({ name })
          await sleep(1)
          await db[name].commit()
          units++
        })
        .catch((error: unknown) => failures.push(error))
    }
  }
  const workers = engines.names.flatMap(name => [work(name), work(name), work(name), work(name)])
  await expect.poll(() => units).toBeGreaterThan(50)
  const old = new Set((await database.backends()).map(({ pid }) => pid))

  await database.admin(`alter role ${role} password 'second'`)
  // Those that are open stay: a password is asked for at the connect.
  await sleep(50)
  password = 'second'
  await engines.reinit('!all')
  expect((await database.backends()).filter(({ pid }) => old.has(pid))).toEqual([])
  const before = units
  await expect.poll(() => units).toBeGreaterThan(before + 50)
  stop.abort()
  await Promise.all(workers)
  expect(failures).toEqual([])
  expect(engines.names.map(name => engines.get(name).description.pool)).toEqual([
    'asked#2',
    'knex#2',
    'pool#2',
  ])
  expect(await database.admin('select count(*)::int from t')).toEqual([{ count: units }])
  await watch.expectSound(engines, { ends: {} })
})

test('R43 a function that cannot make a pool leaves the engine as it was', async () => {
  await using watch = await watchGround(database, { max: 4 })
  let isDown = false
  await using engines = createEngines({
    main: engine()({
      pool: () => {
        if (isDown) throw new Error('no credentials to be had')
        return new pg.Pool({ connectionString: database.url, max: 2 })
      },
    }),
  })
  await engines.warmup()
  isDown = true
  await expect(engines.reinit('main')).rejects.toThrow('no credentials')
  await engines.scope(db => db.main.query('select 1'))
  expect(engines.get('main').description.pool).toBe('main#1')
  isDown = false
  await engines.reinit('main')
  await engines.scope(db => db.main.query('select 1'))
  expect(engines.get('main').description.pool).toBe('main#2')
  await watch.expectSound(engines, { ends: {} })
})

test('R43 reinits that overtake one another leave one pool, and each resolves when its own is drained', async () => {
  await using watch = await watchGround(database, { max: 6 })
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const holders = []
  const drained: string[] = []
  const reinits = []
  for (const round of [1, 2, 3]) {
    const db = engines.open()
    await db.main('t').insert({ name: 'held' })
    holders.push(db)
    reinits.push(engines.reinit('main').then(() => drained.push(`main#${round}`)))
  }
  await engines.scope(db => db.main.query('select 1'))
  for (const db of holders.toReversed()) {
    await db.end()
    await sleep(30)
  }
  await Promise.all(reinits)
  expect(drained).toEqual(['main#3', 'main#2', 'main#1'])
  expect(await database.backends()).toHaveLength(1)
  await watch.expectSound(engines, { ends: {} })
})
