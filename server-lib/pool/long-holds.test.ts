import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { onHeartbeat, stalledSince } from '../clock/heartbeat.ts'
import { ending } from '../testing/ending.ts'
import { stall } from '../testing/stall.ts'

let database: TestDatabase
const warnings: (Error & { code?: string })[] = []
const onWarning = (warning: Error) => void warnings.push(warning)
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(async () => {
  process.off('warning', onWarning)
  await expectQuiet(database)
})
afterAll(() => database.drop())

const told = (code: string) => warnings.filter(warning => warning.code === code).map(one => one.message)

test('a session that stands idle in its transaction is told once, with its line, and again when it is back after all', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, pool: { max: 2 }, idleInTransactionWarningMs: 300 }),
  })
  const { messages, stop } = listen('checkout')
  const db = engines.open({ label: 'the slow one' })
  await db.main('t').insert({ name: 'a' })
  const pid = db.main.identity?.backendPid
  // Long enough for it to be told twice, were it.
  await sleep(1_200)
  const sentence = `A connection of engine "main" is held for long: the slow one \\(u\\d+, c\\d+, pid ${pid}\\) for \\d+ ms, idle in transaction \\d+ ms, since server-lib/pool/long-holds.test.ts:\\d+. 1 connection of pool main#1 held, 0 waiting.`
  expect(told('EL_HELD_LONG')).toEqual([expect.stringMatching(new RegExp(`^${sentence}$`))])
  expect(told('EL_RETURNED')).toEqual([])
  await db.end()
  await sleep(0)
  expect(told('EL_RETURNED')).toEqual([expect.stringMatching(/is returned after all: the slow one \(/)])
  stop()
  const overdue = messages.filter(message => message.phase === 'overdue')
  expect(overdue).toEqual([
    expect.objectContaining({ engine: 'main', backendPid: pid, state: 'idle in transaction', stalledMs: 0 }),
  ])
  expect(messages.find(message => message.phase === 'released')).toMatchObject({ wasOverdue: true })
})

test('a forgotten release on a pool that is only watched is told, with the line of connect()', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  await using _engines = createEngines({ main: engine()({ pool, heldWarningMs: 400 }) })
  const client = await pool.connect()
  await client.query('select 1')
  await expect.poll(() => told('EL_HELD_LONG'), { timeout: 5_000 }).toHaveLength(1)
  expect(told('EL_HELD_LONG')).toEqual([
    expect.stringMatching(
      /\(outside of any request\) \(c\d+, pid \d+\) for \d+ ms, idle \d+ ms, since .*long-holds\.test\.ts:\d+/,
    ),
  ])
  client.release()
})

test('one that works is not idle, however long its transaction lasts, and false tells nothing', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  await using engines = createEngines({
    watched: engine()({ pool, idleInTransactionWarningMs: 600 }),
    silent: engine()({ connection: database.url, heldWarningMs: false, idleInTransactionWarningMs: false }),
  })
  const client = await pool.connect()
  const db = engines.open()
  await client.query('begin')
  await db.silent('t').select()
  for (let n = 0; n < 6; n++) {
    await client.query('select 1')
    await sleep(200)
  }
  // A statement that runs for longer than the limit is not idle either.
  await client.query('select pg_sleep(0.8)')
  await client.query('commit')
  client.release()
  await db.end()
  expect(warnings).toEqual([])
})

test('R24 a loop that stood still is told, and neither the holder nor the database is blamed for it', async () => {
  await using engines = createEngines({
    main: engine()({
      connection: database.url,
      pool: { max: 1 },
      heldWarningMs: 800,
      checkoutTimeoutMs: 500,
    }),
  })
  const { messages, stop } = listen('process')
  const db = engines.open()
  await db.main('t').select()
  await sleep(50)
  const other = engines.open()
  const waiting = other
    .main('t')
    .select()
    .then(
      () => undefined,
      (error: unknown) => error,
    )
  await sleep(20)
  stall(1_000)
  expect(await waiting).toMatchObject({
    code: 'EL_CHECKOUT_TIMEOUT',
    message: expect.stringMatching(/ The event loop stood still for (\d\d\d ms|1\.\d s) of that\.$/),
  })
  await sleep(300)
  expect(told('EL_HELD_LONG')).toEqual([])
  stop()
  expect(messages).toEqual([expect.objectContaining({ phase: 'stalled' })])
  const [{ stalledMs }] = messages as unknown as [{ stalledMs: number }]
  expect(stalledMs).toBeGreaterThan(700)
  expect(stalledMs).toBeLessThan(2_000)
  await db.end()
  await other.end()
})

test('the heartbeat ends with its last listener, and what it saw is clipped to the time that is asked for', async () => {
  const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const stopOne = onHeartbeat(() => {})
  const stopTwo = onHeartbeat(() => {})
  await sleep(20)
  const from = performance.now()
  stall(600)
  const between = performance.now()
  await sleep(300)
  expect(stalledSince(from)).toBeGreaterThan(300)
  expect(stalledSince(from)).toBeLessThanOrEqual(between - from + 50)
  expect(stalledSince(performance.now())).toBe(0)
  stopOne()
  stopTwo()
  expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length).toBeLessThanOrEqual(
    before,
  )
})
