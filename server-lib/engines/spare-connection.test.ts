import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import pg from 'pg'
import { createEngines, engine, type Engines } from '../index.ts'
import { observedEngines } from '../channels/engine-reports.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
let engines: Engines<any> | undefined
let pool: pg.Pool | undefined
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterEach(async () => {
  await engines?.close()
  await pool?.end()
  engines = pool = undefined
  await expectQuiet(database)
})
afterAll(() => database.drop())

/** An engine on knex's own pool, or on a pg.Pool of the application. */
const open = (max: number, source: 'knex' | 'pg.Pool' = 'knex') => {
  const { url } = database
  if (source === 'pg.Pool') pool = new pg.Pool({ connectionString: url, max })
  const made = createEngines({
    writer: pool ? engine()({ pool }) : engine()({ connection: url, pool: { max } }),
  })
  engines = made
  return made
}

const ask = (text = 'select 1 as one', deadlineMs = 1_000) =>
  observedEngines().at(-1)?.ask?.(text, [], deadlineMs)

test.each(['knex', 'pg.Pool'] as const)(
  'it answers over a connection that is spare, and nobody is told (%s)',
  async source => {
    const { told, stop } = listen('checkout', 'statement', 'transaction')
    open(2, source)
    expect(await ask()).toEqual([{ one: 1 }])
    expect(await ask()).toEqual([{ one: 1 }])
    stop()
    expect(told()).toEqual([])
    expect(observedEngines().at(-1)?.report()).toMatchObject({ used: 0, idle: 1, connections: [{ uses: 0 }] })
  },
)

test('the last connection of a pool is never taken, nor one that somebody waits for', async () => {
  const made = open(3)
  const first = made.open()
  await first.writer.query('select 1')
  expect(await ask()).toEqual([{ one: 1 }])
  const second = made.open()
  await second.writer.query('select 1')
  expect(await ask()).toBe('all connections but one are in use')
  const third = made.open()
  await third.writer.query('select 1')
  const fourth = made.open()
  const waiting = fourth.writer.query('select 1')
  expect(await ask()).toBe('others wait for a connection')
  await first.end()
  await waiting
  for (const db of [second, third, fourth]) await db.end()
  expect(await ask()).toEqual([{ one: 1 }])
})

test('a pool of one is left to the application, and a closed engine is not asked', async () => {
  const made = open(1)
  expect(await ask()).toBe('its pool has a single connection, which is left to the application')
  const observed = observedEngines().at(-1)
  await made.close()
  expect(await observed?.ask?.('select 1', [], 1_000)).toBe('the engine is closed')
})

test('a server that refuses or does not answer is told as such, and the connection is whole or gone', async () => {
  open(2)
  expect(await ask('select * from nowhere')).toBe('the server refused: 42P01')
  const [before] = observedEngines().at(-1)?.report().connections ?? []
  expect(await ask()).toEqual([{ one: 1 }])
  expect(observedEngines().at(-1)?.report().connections).toMatchObject([{ connection: before?.connection }])
  expect(await ask('select pg_sleep(1)', 100)).toBe('the server did not answer within 100 ms')
  expect(await ask('select pg_terminate_backend(pg_backend_pid())')).toMatch(/the server refused: /)
  expect(await ask()).toEqual([{ one: 1 }])
})

test('a connection that came dirty goes back as it came, with the name of who left it so', async () => {
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const made = createEngines({ writer: engine()({ pool, default: true }) })
  engines = made
  const client = await pool.connect()
  await client.query('begin')
  client.release()
  expect(await ask()).toBe('a connection came with work left open on it')
  const { messages, stop } = listen('checkout')
  const db = made.open()
  await db.writer.query('select 1')
  await db.end()
  stop()
  const dirty = messages.find(message => message.phase === 'dirty')
  expect(dirty).toMatchObject({ status: 'T', previous: expect.stringMatching(/^k\d+$/) })
})
