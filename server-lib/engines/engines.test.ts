import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine, type EngineConfig } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const bad = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'EnginelightError', code, ...fields })
const one =
  (config: unknown, name = 'main') =>
  () =>
    createEngines({ [name]: engine()(config as EngineConfig) })

describe('a config that is wrong is refused before anything is opened', () => {
  const url = 'postgres://u:hunter2@127.0.0.1:1/x'
  test.each<[string, () => unknown, string, RegExp]>([
    ['nothing', () => createEngines({}), 'EL_CONFIG', /at least one engine/],
    ['not made by engine()', () => createEngines({ a: {} as never }), 'EL_CONFIG', /engine<Tables>\(\)/],
    ['no source', one({}), 'EL_CONFIG', /exactly one of connection, knex or pool/],
    ['two sources', one({ connection: url, knex: {} }), 'EL_CONFIG', /connection and knex/],
    [
      'an unknown option',
      one({ connection: url, acess: 'read' }),
      'EL_CONFIG',
      /there is no option acess; there are .*access/,
    ],
    [
      'a wrong word',
      one({ connection: url, access: 'ro' }),
      'EL_CONFIG',
      /access must be 'read' or 'write', not a text/,
    ],
    ['a wrong type', one({ connection: url, default: 'yes' }), 'EL_CONFIG', /default must be true or false/],
    [
      'a duration in words',
      one({ connection: url, checkoutTimeoutMs: '5s' }),
      'EL_CONFIG',
      /checkoutTimeoutMs must be a whole number of milliseconds/,
    ],
    [
      'a duration of 0',
      one({ connection: url, statementTimeoutMs: 0 }),
      'EL_CONFIG',
      /from 1 to 2147483647, not 0/,
    ],
    [
      'a pool smaller than its minimum',
      one({ connection: url, pool: { min: 5, max: 2 } }),
      'EL_CONFIG',
      /pool.min must be a whole number from 0 to max \(2\)/,
    ],
    ['a pool of no connection', one({ connection: url, pool: { max: 0 } }), 'EL_CONFIG', /pool.max/],
    [
      'a connection that is a number',
      one({ connection: 5432 }),
      'EL_CONFIG',
      /connection must be a URL or an object, not 5432/,
    ],
    ['an empty connection', one({ connection: '' }), 'EL_CONFIG', /not an empty text/],
    [
      'another database',
      one({ connection: 'mysql://u:hunter2@h/x' }),
      'EL_UNSUPPORTED_CLIENT',
      /PostgreSQL is supported, mysql is not yet/,
    ],
    [
      'another knex client',
      one({ knex: { client: 'mysql2', connection: url } }),
      'EL_UNSUPPORTED_CLIENT',
      /knex client mysql2 is not yet/,
    ],
    [
      'a knex without a pool',
      () => one({ knex: knexFactory({ client: 'pg' }) })(),
      'EL_CONFIG',
      /has no pool/,
    ],
    [
      'a factory of something else',
      one({ pool: () => ({}) }),
      'EL_CONFIG',
      /the function given as pool made an object/,
    ],
    [
      'transactional autocommit',
      one({ connection: url, transactional: true, mode: 'autocommit' }),
      'EL_CONFIG',
      /transactional cannot go with mode 'autocommit'/,
    ],
    [
      'transactional, which is not there yet',
      one({ connection: url, transactional: true }),
      'EL_CONFIG',
      /not available yet/,
    ],
    ['a reserved name', one({ connection: url }, '!all'), 'EL_RESERVED_NAME', /"!all"/],
    ['the other reserved name', one({ connection: url }, '!default'), 'EL_RESERVED_NAME', /"!default"/],
    ['a name that a container uses', one({ connection: url }, 'status'), 'EL_RESERVED_NAME', /"status"/],
    ['a name with a space', one({ connection: url }, 'a b'), 'EL_CONFIG', /is no name for an engine/],
    [
      'two defaults',
      () =>
        createEngines({
          a: engine()({ connection: url, default: true }),
          b: engine()({ connection: url, default: true }),
        }),
      'EL_DUPLICATE_ENGINE',
      /a and b both/,
    ],
    [
      'names that differ in case',
      () => createEngines({ main: engine()({ connection: url }), Main: engine()({ connection: url }) }),
      'EL_DUPLICATE_ENGINE',
      /"main" and "Main"/,
    ],
    [
      'an unknown preference',
      () => createEngines({ a: engine()({ connection: url }) }, { prefer: ['b' as never] }),
      'EL_UNKNOWN_ENGINE',
      /no engine "b"; there are a/,
    ],
    [
      'an independent preference',
      () =>
        createEngines(
          { a: engine()({ connection: url }), l: engine()({ connection: url, enlist: 'independent' }) },
          { prefer: ['l'] },
        ),
      'EL_CONFIG',
      /is independent/,
    ],
  ])('%s', (_title, make, code, sentence) => {
    expect(make).toThrow(bad(code, { message: expect.stringMatching(sentence) }))
    try {
      make()
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain('hunter2')
    }
  })

  test('two engines on one pool', async () => {
    const pool = new pg.Pool({ connectionString: database.url })
    const engines = createEngines({ a: engine()({ pool }) })
    expect(() => createEngines({ b: engine()({ pool }) })).toThrow(bad('EL_CONFIG'))
    await engines.close()
    const again = createEngines({ b: engine()({ pool }) })
    await again.close()
    await pool.end()
  })

  test('when the second engine is refused the first watches nothing any more', async () => {
    const pool = new pg.Pool({ connectionString: database.url })
    const before = Object.getOwnPropertyNames(pool)
    expect(() =>
      createEngines({ a: engine()({ pool }), b: engine()({ pool: () => ({}) as never }) }),
    ).toThrow(bad('EL_CONFIG'))
    await new Promise(resolve => setImmediate(resolve))
    expect(Object.getOwnPropertyNames(pool)).toEqual(before)
    await pool.end()
  })
})

test('get() is the default engine, and an unknown name is told with the known ones', async () => {
  const engines = createEngines({
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
  await engines.close()
})

test('a pool that is exhausted names its holders: who, since when, from which line', async () => {
  const engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 150 }),
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
  expect(waited).toBeGreaterThan(140)
  expect(waited).toBeLessThan(400)
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
        site: expect.stringMatching(/engines\.test\.ts:\d+$/),
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
  // The one that gave up is not given the connection later.
  expect((await waiter.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await waiter.end()
  stop()
  expect(told().filter(line => line.includes('acquired'))).toHaveLength(2)
  await engines.close()
})

test('waiters are served in the order of asking, and none before its time is called late', async () => {
  const engines = createEngines({
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

test('a backend that is killed while idle in a transaction is an error of the session and of nobody else', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pool.on('error', () => {})
  const engines = createEngines({ own: engine()({ connection: database.url }), given: engine()({ pool }) })
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', onUncaught)
  const db = engines.open()
  for (const session of [db.own, db.given]) {
    await session('t').insert({ name: 'lost' })
    await database.admin('select pg_terminate_backend($1)', [session.identity?.backendPid])
    await expect.poll(() => session.state).toBe('lost')
    expect(session.identity).toBeUndefined()
    await expect(session('t').select()).rejects.toMatchObject({
      code: 'EL_CONNECTION_LOST',
      sqlstate: '57P01',
      cause: expect.objectContaining({ code: '57P01' }),
    })
    await expect(session.commit()).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    await session.rollback()
    expect(await session('t').select()).toEqual([])
  }
  await db.end()
  await new Promise(resolve => setTimeout(resolve, 50))
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
  await engines.close()
  await pool.end()
})

test('a backend that is killed under a statement, and one under COMMIT', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open()
  await db.main('t').insert({ name: 'x' })
  const pid = db.main.identity?.backendPid
  const running = db.main.query('select pg_sleep(30)').catch((error: unknown) => error)
  await expect
    .poll(async () => (await database.backends()).find(one => one.pid === pid)?.state)
    .toBe('active')
  await database.admin('select pg_terminate_backend($1)', [pid])
  expect(await running).toMatchObject({ code: 'EL_CONNECTION_LOST', sqlstate: '57P01' })
  await db.end()
  await engines.close()
})

test('a connection that comes dirty is rolled back first, and the leaker is told of', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
  const engines = createEngines({ main: engine()({ knex }) })
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
      /came from the pool with an open transaction that the leaker at .*engines\.test\.ts/,
    ),
  ])
  await db.end()
  await engines.close()
  await knex.destroy()
})

test('an autocommit engine replaces a dirty connection instead', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const engines = createEngines({ log: engine()({ pool, mode: 'autocommit' }) })
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

test('reinit swaps in a fresh pool first and drains the old one after', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
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
  await engines.close()
})

test('a pool that was given is neither replaced nor closed; one from a factory is', async () => {
  const pool = new pg.Pool({ connectionString: database.url })
  const made: pg.Pool[] = []
  const engines = createEngines({
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
  await pool.end()
})

test('close ends what is running within its time, and says whom it cut', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open({ label: 'slow job' })
  await db.main('t').insert({ name: 'x' })
  const running = db.main.query('select pg_sleep(30)').catch((error: unknown) => error)
  const trx = await engines.get('main').knex.transaction()
  await trx.raw('select 1')
  trx.executionPromise?.catch(() => {})
  const startedAt = performance.now()
  const report = await engines.close({ graceMs: 300 })
  expect(performance.now() - startedAt).toBeLessThan(3_000)
  expect(report.ended).toEqual([expect.stringMatching(/^slow job \(u\d+\)$/)])
  expect(report.cut).toEqual([
    expect.objectContaining({
      session: null,
      engine: 'main',
      site: expect.stringMatching(/engines\.test\.ts/),
    }),
  ])
  expect(await running).toMatchObject({ code: 'EL_ENDED' })
  await expectBackends(database, 0)
  expect(() => engines.open().main).toThrow(bad('EL_ENGINE_CLOSED'))
  expect(await engines.close()).toBe(report)
})

test('a database that is not there is a clear error, and is found when it comes', async () => {
  const engines = createEngines({
    main: engine()({
      connection: { host: '127.0.0.1', port: 1, user: 'u', password: 'hunter2', database: 'x' },
    }),
  })
  const db = engines.open()
  const error = await db
    .main('t')
    .select()
    .catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    code: 'EL_CHECKOUT_FAILED',
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  })
  expect((error as Error).message).toMatch(
    /^Engine "main" could not open a connection at .*engines\.test\.ts:\d+ after \d+ ms: ECONNREFUSED/,
  )
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('hunter2')
  await expect(engines.warmup()).rejects.toMatchObject({ code: 'EL_CHECKOUT_FAILED' })
  await db.end()
  await engines.close()

  // Down for a while: no connection is allowed, then it is again, with the same engines.
  const later = createEngines({ main: engine()({ connection: database.url }) })
  await later.warmup()
  await expectBackends(database, 1)
  const server = new pg.Client(database.url.replace(database.name, 'postgres'))
  await server.connect()
  await server.query(`alter database ${database.name} connection limit 0`)
  await database.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await server.query(`alter role postgres in database ${database.name} set application_name = 'x'`)
  await server.query(`alter database ${database.name} connection limit -1`)
  await server.end()
  await expect
    .poll(() => later.scope(async db2 => (await db2.main.query('select 1 as one')).rows).catch(() => 'down'))
    .toEqual([{ one: 1 }])
  await later.close()
})

test('a wrong password is told with its SQLSTATE and without the password', async () => {
  const url = database.url.replace('postgres:postgres@', 'postgres:hunter2@')
  const engines = createEngines({ main: engine()({ connection: url }) })
  const error = await engines.warmup().catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    code: 'EL_CHECKOUT_FAILED',
    cause: expect.objectContaining({ code: '28P01' }),
  })
  expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain('hunter2')
  await engines.close()
})

test('connections carry no store of the request that opened them', async () => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const store = new AsyncLocalStorage<string>()
  const engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  await store.run('first request', () => engines.scope(db => db.main.query('select 1')))
  const seen: (string | undefined)[] = []
  const { pool } = engines.get('main').knex.client as { pool: { free: { resource: pg.Client }[] } }
  pool.free[0]?.resource.on('notice', () => void seen.push(store.getStore()))
  await store.run('second request', () =>
    engines.scope(db => db.main.query(`do $$ begin raise notice 'x'; end $$`)),
  )
  expect(seen).toEqual([undefined])
  await engines.close()
})

test('a statement timeout is kept by the server in a transaction, and by us in autocommit', async () => {
  const engines = createEngines({
    main: engine()({ connection: database.url, statementTimeoutMs: 50, idleInTransactionTimeoutMs: 200 }),
    log: engine()({ connection: database.url, mode: 'autocommit', statementTimeoutMs: 50 }),
  })
  const db = engines.open()
  await expect(db.main.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' })
  await db.main.rollback()
  await expect(db.log.query('select pg_sleep(5)')).rejects.toMatchObject({ code: 'EL_STATEMENT_TIMEOUT' })
  expect((await db.log.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.main.query('select 1')
  await expect.poll(() => db.main.state).toBe('lost')
  await expect(db.main.query('select 1')).rejects.toMatchObject({
    code: 'EL_CONNECTION_LOST',
    sqlstate: '25P03',
  })
  await db.end()
  await engines.close()
})

test('with pipeline BEGIN travels with a first statement that reads, and cursors still work', async () => {
  const engines = createEngines({
    main: engine()({ connection: database.url, pipeline: true, pool: { max: 1 } }),
  })
  const { told, stop } = listen('statement')
  const db = engines.open()
  expect(await db.main('t').select()).toEqual([])
  stop()
  expect(told()).toEqual(['statement BEGIN', 'statement select * from "t"', 'answer BEGIN', 'answer SELECT'])
  expect(db.main.state).toBe('active')
  let rows = 0
  for await (const _row of db.main.stream('select generate_series(1, 300)')) rows++
  expect(rows).toBe(300)
  await db.main('t').insert({ name: 'x' })
  await db.main.commit()
  expect(await database.admin('select name from t')).toEqual([{ name: 'x' }])
  await database.admin('truncate t')
  await db.end()
  await engines.close()
})

test('a stream right behind a pipelined BEGIN, and one on a pool that pipelines by itself', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, pipeline: true } as pg.PoolConfig)
  const engines = createEngines({
    own: engine()({ connection: database.url, pipeline: true }),
    given: engine()({ pool }),
  })
  const drain = async (rows: AsyncIterable<unknown>) => {
    let count = 0
    for await (const _row of rows) count++
    return count
  }
  const db = engines.open()
  for (const session of [db.own, db.given]) {
    const [first, streamed, last] = await Promise.all([
      session('t').select(),
      drain(session.stream('select generate_series(1, 500)')),
      session.query('select 1 as one'),
    ])
    expect([first, streamed, last.rows]).toEqual([[], 500, [{ one: 1 }]])
    await session.commit()
  }
  const client = await pool.connect()
  expect((client as unknown as { pipeline: boolean }).pipeline).toBe(true)
  client.release()
  await db.end()
  await engines.close()
  await pool.end()
})

test('a BEGIN that fails is the error of the statement that travelled with it, and its connection is closed', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  pool.on('connect', client => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    const failing = (text: unknown, ...rest: unknown[]) =>
      query(text === 'BEGIN' ? 'begin; select 1/0' : text, ...rest)
    Object.assign(client, { query: failing })
  })
  const engines = createEngines({ main: engine()({ pool, pipeline: true }) })
  const db = engines.open()
  await expect(db.main('t').select()).rejects.toMatchObject({
    code: 'EL_CONNECTION_LOST',
    cause: expect.objectContaining({ code: '22012' }),
  })
  expect(db.main.state).toBe('idle')
  expect(db.main.identity).toBeUndefined()
  await expectBackends(database, 0)
  await db.end()
  await engines.close()
  await pool.end()
})
