import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine, type EngineOptions } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { containerCoreOf } from '../containers/db.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const setUp = (options: EngineOptions = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, ...options }) })
type TestDb = ReturnType<ReturnType<typeof setUp>['open']>

test.for([
  ['a builder', (db: TestDb) => db.main('t').select(), 'select * from "t"', 'SELECT'],
  [
    'a builder that writes',
    (db: TestDb) => db.main('t').insert({ name: 'y' }),
    'insert into "t" ("name") values ($1)',
    'INSERT',
  ],
  [
    'a text with parameters',
    (db: TestDb) => db.main.query('select $1::int', [1]),
    'select $1::int',
    'SELECT',
  ],
  ['raw with parameters', (db: TestDb) => db.main.raw('select ?::int', [1]), 'select $1::int', 'SELECT'],
] as const)('BEGIN travels with %s', async ([, send, text, tag]) => {
  const engines = setUp()
  const { told, stop } = listen('statement', 'transaction')
  const db = engines.open()
  await send(db)
  await db.main.rollback()
  stop()
  expect(told()).toEqual([
    'statement BEGIN',
    `statement ${text}`,
    'answer BEGIN',
    'transaction start',
    `answer ${tag}`,
    'statement ROLLBACK',
    'answer ROLLBACK',
    'transaction rolled back',
  ])
  await db.end()
  await engines.close()
})

test.for([
  [
    'a text without parameters, which may be several statements',
    (db: TestDb) => db.main.query('select 1; select 2'),
  ],
  ['raw without parameters', (db: TestDb) => db.main.raw('select 1; select 2')],
  ['a statement with a name', (db: TestDb) => db.main.raw('select ?::int', [1]).options({ name: 'named' })],
  [
    'a stream',
    async (db: TestDb) => {
      for await (const _ of db.main.stream('select 1'));
    },
  ],
] as const)('BEGIN goes before %s', async ([, send]) => {
  const engines = setUp()
  const { told, stop } = listen('statement')
  const db = engines.open()
  await send(db)
  await db.end()
  stop()
  expect(told().slice(0, 2)).toEqual(['statement BEGIN', 'answer BEGIN'])
  await engines.close()
})

test('BEGIN goes alone where that is wanted, and where settings of the request follow it', async () => {
  for (const pipeline of [false, true]) {
    const engines = setUp({ pipeline })
    const { told, stop } = listen('statement')
    await engines.scope(async db => {
      const scope = containerCoreOf(db)?.scope
      if (pipeline && scope) scope.annotate = () => ({ 'app.user': 'x' })
      await db.main('t').select()
    })
    stop()
    expect(told().slice(0, 2)).toEqual(['statement BEGIN', 'answer BEGIN'])
    await engines.close()
  }
})

test('BEGIN and its settings in one round trip with the statement', async () => {
  const engines = setUp({ statementTimeoutMs: 5_432, idleInTransactionTimeoutMs: 6_543, access: 'read' })
  await engines.scope(async db => {
    const { rows } = await db.main.query(
      "select current_setting('statement_timeout') as s, current_setting('idle_in_transaction_session_timeout') as i, current_setting($1) as r",
      ['transaction_read_only'],
    )
    expect(rows).toEqual([{ s: '5432ms', i: '6543ms', r: 'on' }])
  })
  await engines.close()
})

test('BEGIN is answered while a slow statement runs that travelled with it', async () => {
  const engines = setUp()
  const { told, stop } = listen('statement', 'transaction')
  const db = engines.open()
  const slow = db.main.query('select pg_sleep($1)', [0.3])
  await expect.poll(() => told()).toContain('transaction start')
  expect(told()).not.toContain('answer SELECT')
  await slow
  stop()
  await db.end()
  await engines.close()
})

// As anywhere in a transaction: an error that is not the server's leaves the protocol in doubt.
test('cursors work behind a BEGIN that travelled', async () => {
  const engines = setUp()
  const db = engines.open()
  expect(await db.main('t').select()).toEqual([])
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

test('a stream right behind a BEGIN that travelled, also on a pool that writes ahead by itself', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, pipeline: true } as pg.PoolConfig)
  await using engines = createEngines({
    own: engine()({ connection: database.url }),
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
  // An older pg, on which these tests can run too, does not know the option.
  expect((client as { pipeline?: boolean }).pipeline).toBe(process.env.ENGINELIGHT_PG ? undefined : true)
  client.release()
  await db.end()
  await engines.close()
  await pool.end()
})

test('a BEGIN that fails is the error of the statement that travelled with it: a write is not run, and its connection is closed', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  pool.on('connect', client => {
    const { stream } = (client as unknown as { connection: { stream: NodeJS.WritableStream } }).connection
    const write = stream.write.bind(stream) as (bytes: unknown, ...rest: unknown[]) => boolean
    const spoilt = (bytes: unknown, ...rest: unknown[]) =>
      write(
        Buffer.isBuffer(bytes)
          ? Buffer.from(bytes.toString('latin1').replace('BEGIN', 'BEGIM'), 'latin1')
          : bytes,
        ...rest,
      )
    Object.assign(stream, { write: spoilt })
  })
  await using engines = createEngines({ main: engine()({ pool }) })
  const { told, stop } = listen('statement', 'transaction')
  const db = engines.open()
  await expect(db.main('t').insert({ name: 'alone' })).rejects.toMatchObject({
    code: 'EL_CONNECTION_LOST',
    cause: expect.objectContaining({ code: '42601' }),
  })
  stop()
  expect(told().slice(0, 4)).toEqual([
    'statement BEGIN',
    'statement insert into "t" ("name") values ($1)',
    'answer 42601',
    'answer 42601',
  ])
  expect(db.main.state).toBe('idle')
  expect(db.main.identity).toBeUndefined()
  expect(await database.admin('select * from t')).toEqual([])
  await expectBackends(database, 0)
  await db.end()
  await engines.close()
  await pool.end()
})

test('a first statement that fails beside its BEGIN leaves a failed transaction', async () => {
  const engines = setUp()
  for (let round = 0; round < 20; round++) {
    const db = engines.open()
    await expect(db.main('nope').select()).rejects.toMatchObject({ code: '42P01' })
    expect(db.main.state).toBe('failed')
    await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
    await db.end()
  }
  await engines.close()
})
