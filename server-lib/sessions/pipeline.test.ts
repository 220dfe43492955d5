import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

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

test('a first statement that fails beside a pipelined BEGIN leaves a failed transaction', async () => {
  const engines = createEngines({
    main: engine()({ connection: database.url, pipeline: true, pool: { max: 1 } }),
  })
  for (let round = 0; round < 20; round++) {
    const db = engines.open()
    await expect(db.main('nope').select()).rejects.toMatchObject({ code: '42P01' })
    expect(db.main.state).toBe('failed')
    await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
    await db.end()
  }
  await engines.close()
})
