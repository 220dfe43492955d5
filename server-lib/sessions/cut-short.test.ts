import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { isBeginningQuery } from '../postgres/beginning-query.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet, untilRuns } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const one = () =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 1_000 }) })
const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)

const log = () =>
  createEngines({ main: engine()({ connection: database.url, mode: 'autocommit', pool: { max: 1 } }) })

test.each([
  ['a transaction', one],
  ['autocommit', log],
] as const)('in %s a stream that is destroyed before it was sent blocks nothing', async (_mode, open) => {
  await using engines = open()
  for (const waitMs of [undefined, 0, 1, 2]) {
    const db = engines.open()
    const stream = db.main.stream('select g from generate_series(1, 100000) g')
    if (waitMs !== undefined) await sleep(waitMs)
    stream.destroy()
    expect(await Promise.race([db.main.query('select 1').then(() => 'free'), sleep(2_000, 'blocked')])).toBe(
      'free',
    )
    await db.end()
  }
})

test('a stream whose request is aborted does not end the process when nobody listens to its errors', async () => {
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', onUncaught)
  const engines = one()
  const slow = 'select g, pg_sleep(0.01) from generate_series(1, 100000) g'
  for (const source of ['text', 'builder']) {
    const stop = new AbortController()
    const db = engines.open({ signal: stop.signal })
    const stream = db.main.stream(source === 'text' ? slow : db.main.raw(slow))
    stream.resume()
    await once(stream, 'data')
    stop.abort()
    await db.end()
    // An error that comes late would come by now.
    await sleep(50)
  }
  await engines.close()
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
})

test('a connection on which something was cancelled is closed, though its statement was answered in time', async () => {
  await using engines = log()
  const stop = new AbortController()
  const db = engines.open({ signal: stop.signal })
  const running = db.main.query('select pg_sleep(30)').catch(() => {})
  await expect.poll(() => db.main.identity).toBeDefined()
  await untilRuns(database, 'pg_sleep(30)')
  const before = db.main.identity?.backendPid
  stop.abort()
  await running
  await db.end()
  const { rows } = await engines.scope(other => other.main.query('select pg_backend_pid() as pid'))
  expect(rows[0].pid).not.toBe(before)
})

test("knex's timeout on a statement that still waits withdraws it, and leaves the one that runs alone", async () => {
  await using engines = log()
  const db = engines.open()
  const first = db.main.query('select pg_sleep(0.2)')
  const second = db.main('t').insert({ name: 'late' }).timeout(30)
  await expect(second).rejects.toThrow(/timeout/i)
  await first
  await db.end()
  expect(await names()).toEqual([])
})

test.each(['BEGIN', 'COMMIT'])(
  'a connection that is lost in the packet that answers %s is told of as it is',
  async text => {
    await using engines = one()
    const db = engines.open()
    await db.main('t').insert({ name: 'first' })
    await db.main.rollback()
    // The same connection again: it is lost together with its next answer to the text.
    const [driver] = (engines.get().knex.client as { pool: { free: { resource: any }[] } }).pool.free.map(
      free => free.resource,
    )
    const query = driver.query
    const lost = () =>
      driver.emit('error', Object.assign(new Error('terminated'), { code: '57P01', severity: 'FATAL' }))
    driver.query = function (config: any, callback: (...answer: unknown[]) => void) {
      if (text === 'BEGIN' && isBeginningQuery(config)) {
        const begun = config.handleCommandComplete?.bind(config)
        config.handleCommandComplete = (...answer) => {
          delete config.handleCommandComplete
          begun?.(...answer)
          lost()
        }
      }
      if (config !== text) return query.apply(this, arguments)
      return query.call(this, config, (...answer: unknown[]) => {
        callback(...answer)
        lost()
      })
    }
    const written = db
      .main('t')
      .insert({ name: 'second' })
      .then(() => db.main.commit())
    if (text === 'BEGIN') await expect(written).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    else await written
    expect(db.main.state).toBe(text === 'BEGIN' ? 'lost' : 'idle')
    expect(await names()).toEqual(text === 'BEGIN' ? [] : ['second'])
    await db.end()
  },
)
