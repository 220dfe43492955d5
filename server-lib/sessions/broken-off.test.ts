import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const rows = 'select g from generate_series(1, 100000) g'
const inTime = <T>(work: Promise<T>) => Promise.race([work, sleep(3_000, 'waits for ever' as const)])

async function readOne(stream: AsyncIterable<unknown>): Promise<unknown> {
  for await (const _row of stream) return 'broken off'
  return 'empty'
}

test.each(['transaction', 'autocommit'] as const)(
  'in %s mode a stream that is broken off as its backend is killed lets its reader go',
  async mode => {
    await using engines = createEngines({
      main: engine()({ connection: database.url, mode, pool: { max: 1 } }),
    })
    for (const when of ['before', 'with', 'after']) {
      const db = engines.open()
      const stream = db.main.stream(rows)
      let killed: Promise<unknown> = Promise.resolve()
      const reading = (async () => {
        for await (const _row of stream) {
          const kill = () => database.admin('select pg_terminate_backend($1)', [pid])
          const pid = db.main.identity?.backendPid
          if (when === 'before') await kill().then(() => sleep(30))
          if (when === 'with') killed = kill()
          if (when === 'after') setImmediate(() => void (killed = kill()))
          break
        }
        return 'broken off'
      })().catch((error: unknown) => error)
      const read = await inTime(reading)
      expect(read, when).not.toBe('waits for ever')
      await killed
      await sleep(30)
      await db.end()
      expect(await engines.scope(async other => (await other.main.query('select 1 as one')).rows)).toEqual([
        { one: 1 },
      ])
    }
  },
)

test('a stream whose statement failed before anybody read it tells its reader so', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, mode: 'autocommit', pool: { max: 1 } }),
  })
  const db = engines.open()
  const stream = db.main.stream('select nonsense')
  await sleep(100)
  expect(await inTime(readOne(stream).catch((error: unknown) => error))).toMatchObject({ code: '42703' })
  await db.end()
})

test('the end of a request waits for a setting that is being put back on a given pool', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using engines = createEngines({ log: engine()({ pool, mode: 'autocommit', access: 'read' }) })
  const db = engines.open()
  await db.log.query('select 1')
  await db.end()
  expect({ total: pool.totalCount, idle: pool.idleCount }).toEqual({ total: 1, idle: 1 })
  const { rows: settings } = await pool.query('show default_transaction_read_only')
  expect(settings).toEqual([{ default_transaction_read_only: 'off' }])
})

test('a stream whose connection is lost between its last row and the end of the answer tells its reader so', async () => {
  await using proxy = await startFaultProxy(database.url)
  await using engines = createEngines({
    main: engine()({ connection: proxy.url, mode: 'autocommit', pool: { max: 1 } }),
  })
  const db = engines.open()
  await db.main.query('select 1')
  // The ReadyForQuery that follows the rows and their CommandComplete.
  const strike = proxy.once('Z\0\0\0\x05', 'reset', { from: 'server' })
  const reading = readOne(db.main.stream('select g from generate_series(1, 3) g')).catch(
    (error: unknown) => error,
  )
  await strike.hit
  expect(await inTime(reading)).toMatchObject({ code: 'EL_CONNECTION_LOST' })
  expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.end()
})

test.each(['transaction', 'autocommit'] as const)(
  'in %s mode a stream whose backend is killed as it is read tells its reader that the connection was lost',
  async mode => {
    await using engines = createEngines({
      main: engine()({ connection: database.url, mode, pool: { max: 1 } }),
    })
    for (const source of ['text', 'builder', 'knex']) {
      const db = engines.open()
      const stream =
        source === 'text'
          ? db.main.stream(rows)
          : source === 'builder'
            ? db.main.stream(db.main.raw(rows))
            : db.main.knex.raw(rows).stream()
      const reading = (async () => {
        for await (const _row of stream) {
          const pid = db.main.identity?.backendPid
          if (pid) await database.admin('select pg_terminate_backend($1)', [pid])
        }
        return 'read to its end'
      })().catch((error: unknown) => error)
      expect(await inTime(reading), source).toMatchObject({
        code: 'EL_CONNECTION_LOST',
        session: expect.stringMatching(/^s/),
        cause: expect.any(Error),
      })
      expect(db.main.state).toBe(mode === 'transaction' ? 'lost' : 'idle')
      await db.end()
    }
  },
)
