import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { engineReports } from '../channels/engine-reports.ts'
import { createEngines, engine, type EnginelightError } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { latch } from '../testing/latch.ts'
import { MOUNTS, serve } from '../testing/serve.ts'
import { listen } from '../testing/story.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (name text)')))
afterEach(async () => {
  await database.admin('truncate t')
  await expectQuiet(database)
  await expectBackends(database, 0)
})
afterAll(() => database.drop())

const names = () => database.admin('select name from t order by name')
const code = (make: () => unknown): string => {
  try {
    make()
    return 'ok'
  } catch (error) {
    return `${(error as EnginelightError).code} ${(error as Error).message}`
  }
}
const own = (max = 2) => engine()({ connection: database.url, pool: { min: 1, max } })
const poolNames = () => engineReports().map(({ description }) => description.pool)

test.each([
  ['nothing in it', '  ', /not a text/],
  ['too long', 'x'.repeat(81), /1 to 80 characters.*not one of 81/],
  ['no text', 7, /not 7/],
  ['null', null, /not null/],
])('a key with %s is refused, and nothing was opened', (_what, hot, message) => {
  const said = code(() => createEngines({ main: own() }, { hot: hot as never }))
  expect(said).toMatch(/^EL_CONFIG Option hot must be/)
  expect(said).toMatch(message)
  expect(engineReports()).toEqual([])
})

test('thirty evaluations with unchanged options keep the pool and its connections, and what runs goes on', async () => {
  const evaluate = () => createEngines({ main: own() }, { hot: 'same' })
  const first = evaluate()
  const running = first.open()
  await running.main('t').insert({ name: 'before' })
  const pids = new Set<number | null | undefined>()
  let newest = first
  for (let round = 0; round < 30; round++) {
    newest = evaluate()
    await newest.scope(async db => {
      await db.main.query('select 1')
      pids.add(db.main.identity?.backendPid)
    })
    expect(poolNames()).toEqual(['main#1'])
  }
  expect(pids.size).toBe(1)
  expect((await database.backends()).length).toBe(2)
  await running.commit()
  await running.end()
  expect(await names()).toEqual([{ name: 'before' }])
  await newest.close()
  expect(engineReports()).toEqual([])
})

test('thirty evaluations with other options: each old pool is closed, once its requests have finished', async () => {
  const evaluate = (max: number) => createEngines({ main: own(max) }, { hot: 'changed' })
  const first = evaluate(2)
  const running = first.open()
  await running.main('t').insert({ name: 'before' })
  let newest = first
  for (let round = 0; round < 30; round++) {
    newest = evaluate(3 + round)
    await newest.scope(db => db.main.query('select 1'))
  }
  // The connections of the first pool, for the running request, and of the newest one.
  await expect.poll(async () => (await database.backends()).length).toBeLessThanOrEqual(3)
  expect(poolNames()).toEqual(['main#1', 'main#31'])
  await running.commit()
  await running.end()
  expect(await names()).toEqual([{ name: 'before' }])
  await expectBackends(database, 1)
  // The server notices the end first.
  await expect.poll(poolNames).toEqual(['main#31'])
  await newest.close()
})

test('a work that never ends is ended with its pool, and with the newest set where its pool goes on', async () => {
  const first = createEngines({ kept: own(), other: own() }, { hot: 'endless' })
  const [onKept, onOther] = [first.open(), first.open()]
  await onKept.kept('t').insert({ name: 'kept' })
  await onOther.other('t').insert({ name: 'other' })
  const second = createEngines({ kept: own(), other: own(3) }, { hot: 'endless' })
  await first.close({ graceMs: 100 })
  await expect(onOther.other.query('select 1')).rejects.toMatchObject({ code: 'EL_ENDED' })
  await onKept.kept.query('select 1')
  const { ended } = await second.close({ graceMs: 100 })
  expect(ended).toMatchObject([{ sessions: [{ engine: 'kept', state: 'active' }] }])
  await expect(onKept.kept.query('select 1')).rejects.toMatchObject({ code: 'EL_ENDED' })
})

test('a knex and a pool of the application are taken over, whatever the engines are called, and are left as they were', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const bare = () => [
    pool.eventNames().map(name => pool.listenerCount(name)),
    Object.hasOwn(pool, 'connect'),
    Object.hasOwn(pool, 'query'),
  ]
  const before = bare()
  let newest
  for (let round = 0; round < 30; round++) {
    const name = round % 3 === 0 ? 'renamed' : 'main'
    const engines = createEngines(
      { [name]: engine()({ knex }), given: engine()({ pool, access: round % 2 ? 'read' : 'write' }) },
      { hot: 'given' },
    )
    await engines.scope(db => Promise.all([db[name]?.query('select 1'), db.given?.query('select 1')]))
    expect(engineReports()).toHaveLength(2)
    newest = engines
  }
  expect((await database.backends()).length).toBe(2)
  await newest?.close()
  expect(bare()).toEqual(before)
  const { messages, stop } = listen('checkout', 'statement')
  await Promise.all([knex.raw('select 1'), pool.query('select 1')])
  stop()
  expect(messages).toEqual([])
  await Promise.all([knex.destroy(), pool.end()])
})

test('what runs on a pool of the application finishes when an engine of another name takes it', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  const first = createEngines({ old: engine()({ pool }) }, { hot: 'renamed' })
  const running = first.open()
  await running.old('t').insert({ name: 'before' })
  await using second = createEngines({ fresh: engine()({ pool }) }, { hot: 'renamed' })
  await second.scope(db => db.fresh.query('select 1'))
  await running.old('t').insert({ name: 'after' })
  await running.old.commit()
  await running.end()
  expect(await names()).toEqual([{ name: 'after' }, { name: 'before' }])
  expect(pool.idleCount).toBe(2)
})

test.each(MOUNTS)('a mount that was made before serves on with the newest engines (%s)', async mount => {
  const first = createEngines({ main: own() }, { hot: 'mounted' })
  const [arrived, reloaded] = [latch(), latch()]
  let current: unknown
  let second: typeof first | undefined
  const server = await serve(mount, first, async (request, response) => {
    if (request.url === '/early') {
      arrived.open()
      await reloaded.opened
    }
    current = second?.current
    await request.db.main('t').insert({ name: request.url ?? '' })
    await request.db.commit()
    response.end(JSON.stringify([request.db === first.current, request.db.main === second?.current.main]))
  })
  const early = fetch(`${server.url}/early`).then(answer => answer.json())
  await arrived.opened
  second = createEngines({ main: own(3) }, { hot: 'mounted' })
  await expectBackends(database, 0)
  reloaded.open()
  expect(await early).toEqual([true, true])
  expect(current).toBeDefined()
  expect(await fetch(`${server.url}/late`).then(answer => answer.json())).toEqual([true, true])
  expect(server.errors).toEqual([])
  expect(await names()).toEqual([{ name: '/early' }, { name: '/late' }])
  expect(await first.scope(async db => (await db.main.query('select 1 as a')).rows)).toEqual([{ a: 1 }])
  await server.stop()
  await second.close()
  await expect(first.scope(db => db.main.query('select 1'))).rejects.toMatchObject({
    code: 'EL_ENGINE_CLOSED',
  })
})

test('a transactional request that began before is committed with the newest engines', async () => {
  const evaluate = (max: number) =>
    createEngines(
      { main: engine()({ connection: database.url, pool: { max }, transactional: true }) },
      { hot: 'transactional' },
    )
  const first = evaluate(2)
  let second = first
  const server = await serve('express', first, async (request, response) => {
    second = evaluate(3)
    await second.current.main('t').insert({ name: 'a' })
    response.end(String(request.db.status.main))
  })
  expect(await fetch(server.url).then(answer => answer.text())).toBe('started')
  expect(await names()).toEqual([{ name: 'a' }])
  await server.stop()
  await second.close()
})

test('recovery goes on with the newest engines, until those have one of their own', async () => {
  const first = createEngines({ main: own() }, { hot: 'recovery' })
  await first.install()
  const recovery = first.recovery({ everyMs: false })
  const second = createEngines({ main: own(3) }, { hot: 'recovery' })
  await first.close()
  expect(await recovery.runNow()).toMatchObject({ problems: [], isClear: true })
  const { messages, stop } = listen('statement')
  const expectMore = (than = messages.length) => expect.poll(() => messages.length).toBeGreaterThan(than)
  second.recovery({ everyMs: 20 })
  await expectMore()
  await using third = createEngines({ main: own(3) }, { hot: 'recovery' })
  await expectMore()
  third.recovery({ everyMs: false })
  // What was under way ends; then there is none in five times as long as there was one before.
  await new Promise(resolve => setTimeout(resolve, 100))
  const last = messages.length
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(messages.length).toBe(last)
  stop()
})

test('engines that cannot be made change nothing of those that run', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  const definitions = { own: own(), given: engine()({ pool }), b: own() }
  const first = createEngines(definitions, { hot: 'failing' })
  const running = first.open()
  await Promise.all([running.own('t').insert({ name: 'a' }), running.given('t').insert({ name: 'b' })])
  const notOurs = engine()({ knex: { client: 'mysql2' } })
  expect(code(() => createEngines({ ...definitions, b: notOurs }, { hot: 'failing' }))).toMatch(
    /^EL_UNSUPPORTED_CLIENT/,
  )
  // Under another name, its pool has been let go before the failure.
  expect(
    code(() => createEngines({ other: engine()({ pool }), b: notOurs as never }, { hot: 'failing' })),
  ).toMatch(/^EL_UNSUPPORTED_CLIENT/)
  await expect.poll(() => poolNames().toSorted()).toEqual(['b#1', 'given#1', 'own#1'])
  const { told, stop } = listen('statement')
  await pool.query('select 1 as watched')
  stop()
  expect(told()).toContain('statement select 1 as watched')
  await running.commit()
  await running.end()
  expect(await names()).toEqual([{ name: 'a' }, { name: 'b' }])
  await using second = createEngines(definitions, { hot: 'failing' })
  await second.scope(db => Promise.all([db.own.query('select 1'), db.given.query('select 1')]))
})

test('without a key, or with another one, sets know nothing of each other, and the error names the way', async () => {
  const sets = [
    createEngines({ main: own() }),
    createEngines({ main: own() }),
    createEngines({ main: own() }, { hot: 'one' }),
    createEngines({ main: own() }, { hot: 'two' }),
  ]
  const dbs = sets.map(engines => engines.open())
  await Promise.all(dbs.map(db => db.main.query('select 1')))
  await expectBackends(database, 4)
  await Promise.all(dbs.map(db => db.end()))
  await Promise.all(sets.map(engines => engines.close()))
  await using knex = ending(knexFactory({ client: 'pg', connection: database.url }))
  await using _keyed = createEngines({ main: engine()({ knex }) }, { hot: 'one' })
  for (const options of [undefined, { hot: 'two' }])
    expect(code(() => createEngines({ main: engine()({ knex }) }, options))).toMatch(
      /^EL_CONFIG .* another engine has already.*\{ hot: 'app' \}/,
    )
})

test('a set that was closed has given up its key; one that is being closed gives its pools to the next', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const evaluate = () => createEngines({ main: engine()({ pool }) }, { hot: 'closed' })
  await evaluate().close()
  const second = evaluate()
  const left = second.open()
  await left.main('t').insert({ name: 'lost' })
  const closing = second.close({ graceMs: 100 })
  const third = evaluate()
  await third.scope(db => db.main.query('select 1'))
  expect(await closing).toMatchObject({ ended: [{ label: 'open' }] })
  expect(await third.scope(async db => (await db.main.query('select name from t')).rows)).toEqual([])
  expect(engineReports()).toHaveLength(1)
  await third.close()
  await pool.end()
})
