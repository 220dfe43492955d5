import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const bad = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'EnginelightError', code, ...fields })
test('get() is the default engine, and an unknown name is told with the known ones', async () => {
  await using engines = createEngines({
    reader: engine()({ connection: database.url, access: 'read' }),
    writer: engine()({ connection: database.url, default: true }),
  })
  expect(engines.names).toEqual(['reader', 'writer'])
  expect(engines.get().name).toBe('writer')
  expect(engines.get('reader').description).toMatchObject({
    access: 'read',
    pool: 'reader#1',
    owned: true,
    database: database.name,
  })
  expect(() => engines.get('nope' as never)).toThrow(
    bad('EL_UNKNOWN_ENGINE', { known: ['reader', 'writer'] }),
  )
})

test('reinit swaps in a fresh pool first and drains the old one after', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const old = engines.open()
  await old.main('t').insert({ name: 'kept' })
  const oldPid = old.main.identity?.backendPid
  const drained = engines.reinit('main')
  const fresh = engines.open()
  await fresh.main('t').select()
  expect(fresh.main.identity?.pool).toBe('main#2')
  expect(old.main.identity).toMatchObject({ pool: 'main#1', backendPid: oldPid })
  await old.main.commit()
  await old.end()
  await drained
  expect((await database.backends()).map(one => one.pid)).toEqual([fresh.main.identity?.backendPid])
  await fresh.end()
  await database.admin('truncate t')
  await expect(engines.reinit('nope' as never)).rejects.toEqual(bad('EL_UNKNOWN_ENGINE'))
})

test('a pool that was given is neither replaced nor closed; one from a factory is', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url }))
  const made: pg.Pool[] = []
  await using engines = createEngines({
    given: engine()({ pool }),
    factory: engine()({
      pool: () => {
        const own = new pg.Pool({ connectionString: database.url })
        made.push(own)
        return own
      },
    }),
  })
  await expect(engines.reinit('!all')).rejects.toEqual(bad('EL_NOT_OWNED', { engine: 'given' }))
  await engines.reinit('factory')
  expect(made.map(own => own.ended)).toEqual([true, false])
  await engines.scope(db => db.given.query('select 1'))
  await engines.close()
  expect(made.map(own => own.ended)).toEqual([true, true])
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('close ends what is running within its time, and says whom it cut', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open({ label: 'slow job' })
  await db.main('t').insert({ name: 'x' })
  const running = db.main.query('select pg_sleep(30)').catch((error: unknown) => error)
  const trx = await engines.get('main').knex.transaction()
  await trx.raw('select 1')
  trx.executionPromise?.catch(() => {})
  const startedAt = performance.now()
  const report = await engines.close({ graceMs: 300 })
  expect(performance.now() - startedAt).toBeLessThan(2_500)
  expect(report.ended).toEqual([
    {
      label: 'slow job',
      request: expect.stringMatching(/^u\d+$/),
      sessions: [
        {
          engine: 'main',
          state: 'active',
          holder: expect.objectContaining({
            state: 'executing',
            site: expect.stringMatching(/engine-set\.test\.ts/),
          }),
        },
      ],
    },
  ])
  expect(report.sentences).toEqual([
    expect.stringMatching(
      /^slow job \(u\d+\) was ended before it was done: main held by slow job .* executing .* since .*engine-set\.test\.ts:\d+\.$/,
    ),
    expect.stringMatching(
      /^A connection of engine "main" was cut that was held by \(outside of any request\) .* idle in transaction .*engine-set\.test\.ts:\d+\.$/,
    ),
  ])
  expect(report.cut).toEqual([
    expect.objectContaining({
      session: null,
      engine: 'main',
      site: expect.stringMatching(/engine-set\.test\.ts/),
    }),
  ])
  expect(await running).toMatchObject({ code: 'EL_ENDED' })
  await expectBackends(database, 0)
  expect(() => engines.open().main).toThrow(bad('EL_ENGINE_CLOSED'))
  expect(await engines.close()).toBe(report)
})

test('connections carry no store of the request that opened them', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const store = new AsyncLocalStorage<string>()
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  await store.run('first request', () => engines.scope(db => db.main.query('select 1')))
  const seen: (string | undefined)[] = []
  const { pool } = engines.get('main').knex.client as { pool: { free: { resource: pg.Client }[] } }
  pool.free[0]?.resource.on('notice', () => void seen.push(store.getStore()))
  await store.run('second request', () =>
    engines.scope(db => db.main.query(`do $$ begin raise notice 'x'; end $$`)),
  )
  expect(seen).toEqual([undefined])
})
