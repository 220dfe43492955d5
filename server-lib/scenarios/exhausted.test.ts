import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { openOn, SOURCES } from '../testing/sources.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterAll(() => database.drop())

describe.each(SOURCES)('R05 more requests than connections, engine on %s', source => {
  test('all are served in the order in which they came, and none is late', async () => {
    await using watch = await watchGround(database, { max: 2, everyMs: 10 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 2, checkoutTimeoutMs: 1_500 })
    const served: number[] = []
    const requests = Array.from({ length: 50 }, (_, index) =>
      engines.scope(async db => {
        await db.main.query('select 1')
        served.push(index)
        await db.main.query('select pg_sleep(0.02)')
      }),
    )
    await Promise.all(requests)
    expect(served).toHaveLength(50)
    // Two at a time, so neighbours may change places: one whose answer is read late is overtaken by a few, never by many.
    for (const [place, index] of served.entries()) expect(Math.abs(place - index)).toBeLessThanOrEqual(6)
    await watch.expectSound(engines, { alsoClose, ends: {} })
    expect(watch.peak).toBe(2)
  })

  test('the limit is kept to the moment, and who gave up is given nothing later', async () => {
    await using watch = await watchGround(database, { max: 2, everyMs: 10 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 2, checkoutTimeoutMs: 200 })
    const holders = [engines.open(), engines.open()]
    for (const db of holders) await db.main('t').select()
    const waited = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        await new Promise(resolve => setTimeout(resolve, index * 5))
        const from = performance.now()
        const error = await engines.scope(db => db.main.query('select 1')).catch((caught: unknown) => caught)
        expect(error).toMatchObject({ code: 'EL_CHECKOUT_TIMEOUT', holders: [{}, {}] })
        return performance.now() - from
      }),
    )
    expect(Math.min(...waited)).toBeGreaterThanOrEqual(200)
    expect(Math.max(...waited)).toBeLessThan(700)
    for (const db of holders) await db.end()
    // Both are free at once: none was handed to somebody who had left.
    const from = performance.now()
    await Promise.all([1, 2].map(() => engines.scope(db => db.main.query('select pg_sleep(0.01)'))))
    expect(performance.now() - from).toBeLessThan(1_000)
    await watch.expectSound(engines, { alsoClose, ends: {} })
  })

  test('connections that come back while waiters give up are neither lost nor given twice', async () => {
    await using watch = await watchGround(database, { max: 2, everyMs: 10 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 2, checkoutTimeoutMs: 30 })
    const used = new Map<number, number>()
    let twice = 0
    const codes = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        await new Promise(resolve => setTimeout(resolve, index * 2))
        return engines
          .scope(async db => {
            await db.main.query('select 1')
            const pid = db.main.identity?.backendPid as number
            if (used.get(pid)) twice++
            used.set(pid, 1)
            // About as long as the waiters' patience, so that grants and partings meet.
            await new Promise(resolve => setTimeout(resolve, 28 + (index % 5)))
            used.set(pid, 0)
            return 'served'
          })
          .catch((error: { code: string }) => error.code)
      }),
    )
    // On a busy machine one that is opened anew takes longer than that, and is told as such.
    const said = new Set(codes.filter(code => code !== 'EL_CHECKOUT_FAILED'))
    expect(said).toEqual(new Set(['served', 'EL_CHECKOUT_TIMEOUT']))
    expect(twice).toBe(0)
    await watch.expectSound(engines, { alsoClose, ends: {} })
  })
})

describe.each(SOURCES)('R06 a request that asks again for what it holds, engine on %s', source => {
  const patienceMs = 1_500

  test('through the same container it is the same connection', async () => {
    await using watch = await watchGround(database, { max: 1 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 1, checkoutTimeoutMs: patienceMs })
    await engines.scope(async db => {
      const pid = async (session: typeof db.main) =>
        (await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
      const first = await pid(db.main)
      expect(await pid(db.main)).toBe(first)
      expect(await pid(engines.current.main)).toBe(first)
      expect(await pid(db.lazy('main')())).toBe(first)
      expect(await pid(db.any)).toBe(first)
      const { rows } = await db.main.knex.raw('select pg_backend_pid() as pid')
      expect(rows[0].pid).toBe(first)
      expect(await Promise.all([pid(db.main), pid(engines.current.main)])).toEqual([first, first])
    })
    await watch.expectSound(engines, { alsoClose, ends: {} })
  })

  test.each(['scope', 'open'] as const)(
    'through a container of its own (%s) it is an error at once',
    async how => {
      await using watch = await watchGround(database, { max: 1 })
      const { engines, alsoClose } = openOn(source, database.url, { max: 1, checkoutTimeoutMs: patienceMs })
      const from = performance.now()
      const error = await engines
        .scope(async db => {
          await db.main.query('select 1')
          if (how === 'scope') return engines.scope(inner => inner.main.query('select 2'))
          await using inner = engines.open()
          return await inner.main.query('select 2')
        })
        .catch((caught: unknown) => caught)
      expect(error).toMatchObject({
        code: 'EL_CHECKOUT_DEADLOCK',
        holders: [{ state: 'idle in transaction' }],
      })
      expect(performance.now() - from).toBeLessThan(patienceMs)
      await watch.expectSound(engines, { alsoClose, ends: {} })
    },
  )

  test('with room for both, or when another holds a connection too, it waits as everybody does', async () => {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 2, checkoutTimeoutMs: patienceMs })
    const other = engines.open()
    await engines.scope(async db => {
      await db.main.query('select 1')
      await engines.scope(inner => inner.main.query('select 2'))
      await other.main.query('select 3')
      setTimeout(() => void other.end(), 50)
      await engines.scope(inner => inner.main.query('select 4'))
    })
    await watch.expectSound(engines, { alsoClose, ends: {} })
  })
})
