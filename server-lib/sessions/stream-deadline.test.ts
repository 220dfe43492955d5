import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { BLACK_HOLE, HEALTHY, startFaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const rows = 'select generate_series(1, 250)'
const inTime = <T>(work: Promise<T>) => Promise.race([work, sleep(4_000, 'waits for ever' as const)])

async function read(
  stream: AsyncIterable<unknown>,
  each: (row: number) => unknown = () => {},
): Promise<number> {
  let count = 0
  for await (const _row of stream) await each(++count)
  return count
}

test.each(['autocommit', 'transaction'] as const)(
  'in %s a stream whose network goes silent ends with EL_STATEMENT_TIMEOUT, and its slot is free again',
  async mode => {
    await using proxy = await startFaultProxy(database.url)
    await using engines = createEngines({
      main: engine()({ connection: proxy.url, mode, pool: { max: 1 }, statementTimeoutMs: 200 }),
    })
    for (const source of ['text', 'builder']) {
      const db = engines.open()
      await db.main.query('select 1')
      const stream = source === 'text' ? db.main.stream(rows) : db.main.stream(db.main.raw(rows))
      let silentAt = 0
      const reading = read(stream, row => {
        if (row === 1) proxy.set(BLACK_HOLE)
        if (row === 1) silentAt = performance.now()
      }).catch((error: unknown) => error)
      expect(await inTime(reading), source).toMatchObject({ code: 'EL_STATEMENT_TIMEOUT' })
      const tookMs = performance.now() - silentAt
      const limitMs = mode === 'autocommit' ? 200 : 1_200
      expect(tookMs).toBeGreaterThan(limitMs * 0.9)
      expect(tookMs).toBeLessThan(limitMs * 1.5 + 300)
      expect(db.main.state).toBe(mode === 'transaction' ? 'lost' : 'idle')
      proxy.set(HEALTHY)
      proxy.reset()
      await db.end()
      const next = engines.scope(async other => (await other.main.query('select 1 as one')).rows)
      expect(await inTime(next)).toEqual([{ one: 1 }])
    }
  },
)

test('in autocommit a reader may take longer than a statement, before it reads, between its batches and within one', async () => {
  await using engines = createEngines({
    main: engine()({
      connection: database.url,
      mode: 'autocommit',
      pool: { max: 1 },
      statementTimeoutMs: 100,
    }),
  })
  const db = engines.open()
  const stream = db.main.stream(rows)
  await sleep(300)
  expect(await read(stream, row => (row === 50 || row === 101 ? sleep(300) : undefined))).toBe(250)
  expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.end()
})

test('in a transaction the server counts the time that a reader takes, and the session says no more than that', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 }, statementTimeoutMs: 100 }),
  })
  const db = engines.open()
  const reading = read(db.main.stream(rows), row => (row === 50 ? sleep(300) : undefined))
  await expect(reading).rejects.toMatchObject({ code: '57014' })
  await db.main.rollback()
  expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.end()
})

test('in autocommit a stream whose server computes for longer than a statement may is cancelled', async () => {
  await using engines = createEngines({
    main: engine()({
      connection: database.url,
      mode: 'autocommit',
      pool: { max: 1 },
      statementTimeoutMs: 100,
    }),
  })
  const db = engines.open()
  const reading = read(db.main.stream('select pg_sleep(30)')).catch((error: unknown) => error)
  expect(await inTime(reading)).toMatchObject({ code: 'EL_STATEMENT_TIMEOUT', waitedMs: 100 })
  expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await expect.poll(async () => (await database.backends()).filter(one => one.state === 'active')).toEqual([])
  await db.end()
})
