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

test('a backend that is killed while idle in a transaction is an error of the session and of nobody else', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  pool.on('error', () => {})
  await using engines = createEngines({
    own: engine()({ connection: database.url }),
    given: engine()({ pool }),
  })
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
})

test('a backend that is killed under a statement is a lost connection', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
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
})

test('a backend that is killed under COMMIT leaves an unknown outcome, and a session that can begin anew', async () => {
  await database.admin(`
    create table slow (id int);
    create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
    create constraint trigger slowly after insert on slow deferrable initially deferred for each row execute function slowly();
  `)
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open()
  await db.main('slow').insert({ id: 1 })
  const pid = db.main.identity?.backendPid
  const committing = db.main.commit().catch((error: unknown) => error)
  await expect
    .poll(async () => (await database.backends()).find(one => one.pid === pid))
    .toMatchObject({ state: 'active', query: 'COMMIT' })
  await database.admin('select pg_terminate_backend($1)', [pid])
  expect(await committing).toMatchObject({
    code: 'EL_COMMIT_UNKNOWN',
    cause: expect.objectContaining({ code: '57P01' }),
  })
  expect(db.main.state).toBe('lost')
  await db.main.rollback()
  expect(await db.main('slow').select()).toEqual([])
  await db.end()
})

test('a database that is not there is a clear error, and is found when it comes', async () => {
  await using engines = createEngines({
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
    /^Engine "main" could not open a connection at .*faults\.test\.ts:\d+ after \d+ ms: ECONNREFUSED/,
  )
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('hunter2')
  await expect(engines.warmup()).rejects.toMatchObject({ code: 'EL_CHECKOUT_FAILED' })
  await db.end()
  await engines.close()

  // Down for a while: no connection is allowed, then it is again, with the same engines.
  await using later = createEngines({ main: engine()({ connection: database.url }) })
  await later.warmup()
  await expectBackends(database, 1)
  const server = new pg.Client(database.url.replace(database.name, 'postgres'))
  await server.connect()
  // Not even a superuser can connect.
  await server.query(`alter database ${database.name} allow_connections false`)
  await database.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const down = () => later.scope(db2 => db2.main.query('select 1')).catch((caught: unknown) => caught)
  await expect
    .poll(down)
    .toMatchObject({ code: 'EL_CHECKOUT_FAILED', cause: expect.objectContaining({ code: '55000' }) })
  await server.query(`alter database ${database.name} allow_connections true`)
  await server.end()
  expect(await later.scope(async db2 => (await db2.main.query('select 1 as one')).rows)).toEqual([{ one: 1 }])
})

test('a wrong password is told with its SQLSTATE and without the password', async () => {
  const url = database.url.replace('postgres:postgres@', 'postgres:hunter2@')
  await using engines = createEngines({ main: engine()({ connection: url }) })
  const error = await engines.warmup().catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    code: 'EL_CHECKOUT_FAILED',
    cause: expect.objectContaining({ code: '28P01' }),
  })
  expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain('hunter2')
})

test('a statement timeout is kept by the server in a transaction, and by us in autocommit', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, statementTimeoutMs: 200, idleInTransactionTimeoutMs: 200 }),
    log: engine()({ connection: database.url, mode: 'autocommit', statementTimeoutMs: 200 }),
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
})

test('a connection of a pg.Pool that dies in the very moment of its grant does not end the process', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  pool.on('error', () => {})
  await using engines = createEngines({ main: engine()({ pool }) })
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', onUncaught)
  // What pg does when the server's last message comes in the same packet as the ReadyForQuery.
  pool.once('acquire', client => queueMicrotask(() => client.emit('error', new Error('terminated'))))
  expect(await engines.scope(async db => (await db.main.query('select 1 as one')).rows)).toEqual([{ one: 1 }])
  const listeners = await pool.connect().then(client => {
    client.release()
    return client.listenerCount('error')
  })
  await new Promise(resolve => setTimeout(resolve, 20))
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
  // The pool's own listener.
  expect(listeners).toBe(1)
})
