import type { Knex } from 'knex'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const inTime = <T>(work: Promise<T>) => Promise.race([work, sleep(3_000, 'waits for ever' as const)])
const answers = ['one', 'two', 'three', 'four']

describe.each(['transaction', 'autocommit'] as const)('in %s mode', mode => {
  // With 3 rows the answer ends by itself. With 300 the server stops after the first batch.
  test.each([3, 300])(
    'a stream of %d rows that is destroyed as it is sent disturbs nobody after it',
    async rows => {
      await using engines = createEngines({
        main: engine()({ connection: database.url, mode, pool: { max: 1 } }),
      })
      for (const read of ['before it is sent', 'as it is sent', 'never']) {
        const db = engines.open()
        const ahead = db.main.query('select pg_sleep(0.02)')
        const stream = db.main.stream(`select generate_series(1, ${rows})`)
        if (read === 'before it is sent') stream.resume()
        await sleep(5)
        // The stream's turn has come, and the server cannot have answered yet.
        const destroyed = ahead.then(() => {
          if (read === 'as it is sent') stream.read()
          stream.destroy()
        })
        const after = answers.map(async answer => {
          // Uses the simple protocol: after reporting an error, a server ignores its messages until the next Sync.
          return (await db.main.query(`select '${answer}' as answer, pg_sleep(0.01)::text`)).rows[0]?.answer
        })
        await destroyed
        expect(await inTime(Promise.allSettled(after)), read).toEqual(
          answers.map(value => ({ status: 'fulfilled', value })),
        )
        await db.end()
        const next = engines.scope(async other => (await other.main.query('select 1 as one')).rows)
        expect(await inTime(next), `${read}: another's statement`).toEqual([{ one: 1 }])
      }
    },
  )

  test('a stream that is destroyed while the server is not ready yet after an error blocks nobody', async () => {
    await using engines = createEngines({
      main: engine()({ connection: database.url, mode, pool: { max: 1 } }),
    })
    const db = engines.open()
    await db.main.query('select 1')
    const late = readyLate(driverOf(engines.get().knex), 50)
    const failing = db.main.query('select nonsense')
    const stream = db.main.stream('select generate_series(1, 300)')
    stream.resume()
    const after = db.main.query('rollback').then(() => 'answered')
    await expect(failing).rejects.toMatchObject({ code: '42703' })
    stream.destroy()
    expect(late.told).toBe(false)
    expect(await inTime(after)).toBe('answered')
    expect(late.told).toBe(true)
    await db.end()
  })
})

test('a connection that is lost on its way back to the pool keeps nobody waiting', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, mode: 'autocommit', pool: { max: 1 } }),
  })
  const db = engines.open()
  await db.main.query('select 1')
  const driver = driverOf(engines.get().knex)
  const late = readyLate(driver, 5_000)
  await expect(db.main.query('select nonsense')).rejects.toMatchObject({ code: '42703' })
  const lostAt = performance.now()
  driver.connection.stream.destroy()
  await db.end()
  expect(await engines.scope(async other => (await other.main.query('select 1 as one')).rows)).toEqual([
    { one: 1 },
  ])
  expect(performance.now() - lostAt).toBeLessThan(2_500)
  expect(late.told).toBe(false)
})

/** The one connection of the engine. */
function driverOf(knex: Knex): any {
  const { free, used } = (knex.client as { pool: Record<'free' | 'used', { resource: object }[]> }).pool
  return [...free, ...used][0]?.resource
}

/** Delays the next ReadyForQuery, as when it comes in a later packet than the error before it. */
function readyLate({ connection: wire }: any, afterMs: number): { readonly told: boolean } {
  const { emit } = wire
  const late = { told: false }
  wire.emit = (...args: unknown[]) => {
    if (args[0] !== 'readyForQuery') return emit.apply(wire, args)
    wire.emit = emit
    const tell = () => {
      late.told = true
      emit.apply(wire, args)
    }
    setTimeout(tell, afterMs).unref()
    return true
  }
  return late
}
