import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { BLACK_HOLE, startFaultProxy } from '../testing/fault-proxy.ts'
import { registerLeases } from '../testing/lease-register.ts'
import { Seeded } from '../testing/seeded.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'
import { stall } from '../testing/stall.ts'

let database: TestDatabase
let watch: GroundWatch
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
beforeEach(async () => {
  watch = await watchGround(database, { max: 6 })
})
afterEach(async () => {
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const codeOf = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  )

test.each([50, 500, 3_000])(
  'R24 stalls of %i ms at random points under load: no deadline is missed for them, no lease is lost',
  async stalledMs => {
    const seed = Number(process.env['ENGINELIGHT_SEED'] ?? Date.now() % 1_000_000)
    const chance = new Seeded(seed)
    const register = registerLeases()
    // Shorter than the long stalls, and longer than a busy machine takes.
    const limitMs = stalledMs < 400 ? 1_000 : 400
    const limits = { checkoutTimeoutMs: limitMs, statementTimeoutMs: limitMs }
    await using engines = createEngines({
      main: engine()({ connection: database.url, pool: { max: 3 }, ...limits }),
      log: engine()({ connection: database.url, pool: { max: 3 }, mode: 'autocommit', ...limits }),
    })
    const startedAt = performance.now()
    const results: string[] = []
    const over = new AbortController()
    const worker = async () => {
      while (!over.signal.aborted) {
        const work = engines.scope(async db => {
          await db.main('t').insert({ name: 'x' })
          await db.log.query('select 1')
          if (chance.next() < 0.5) await sleep(chance.next() * 5)
          await db.main.commit()
        })
        results.push(await codeOf(work))
      }
    }
    const workers = Array.from({ length: 6 }, worker)
    for (let n = 0; n < (stalledMs > 1_000 ? 2 : 6); n++) {
      await sleep(20 + chance.next() * 80)
      stall(stalledMs)
    }
    await sleep(50)
    over.abort()
    await Promise.all(workers)
    expect(
      results.filter(result => result !== 'ok'),
      `seed ${seed}`,
    ).toEqual([])
    expect(performance.now() - startedAt).toBeLessThan(12_000)
    expect(register.overlaps()).toEqual([])
    await engines.close()
    expect(register.open()).toEqual([])
    register.stop()
    expect(await database.admin('select count(*)::int as n from t')).toEqual([{ n: results.length }])
  },
)

test('R24 a stall right after a statement was sent, after COMMIT, after ROLLBACK and during a check-out is forgiven', async () => {
  await using engines = createEngines({
    main: engine()({
      connection: database.url,
      pool: { max: 1 },
      checkoutTimeoutMs: 150,
      statementTimeoutMs: 150,
      commitTimeoutMs: 150,
    }),
    log: engine()({
      connection: database.url,
      pool: { max: 1 },
      mode: 'autocommit',
      statementTimeoutMs: 100,
    }),
  })
  const codes = await engines.scope(async db => {
    // The first opens a connection: many round trips, all of them after the stall.
    const told: string[] = []
    const stalling = async (work: () => PromiseLike<unknown>) => {
      const code = codeOf(work())
      // Past the microtasks in which it is sent.
      setImmediate(stall, 600)
      told.push(await code)
    }
    await stalling(() => db.main('t').insert({ name: 'kept' }))
    await stalling(() => db.main.commit())
    await stalling(() => db.main('t').insert({ name: 'undone' }))
    await stalling(() => db.main.rollback())
    await stalling(() => db.log.query('select pg_sleep(0.05)'))
    return told
  })
  expect(codes).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
  expect(await database.admin('select name from t')).toEqual([{ name: 'kept' }])
})

test('R24 a stall hides no real timeout: not of a check-out, not of a statement', async () => {
  await using proxy = await startFaultProxy(database.url)
  await using engines = createEngines({
    main: engine()({ connection: proxy.url, pool: { max: 1 }, checkoutTimeoutMs: 200 }),
    log: engine()({ connection: proxy.url, pool: { max: 1 }, mode: 'autocommit', statementTimeoutMs: 200 }),
  })
  const holder = engines.open()
  await holder.main.query('select 1')
  await engines.scope(db => db.log.query('select 1'))
  for (const [code, work] of [
    ['EL_CHECKOUT_TIMEOUT', () => engines.scope(db => db.main.query('select 1'))],
    [
      'EL_STATEMENT_TIMEOUT',
      () => {
        proxy.set(BLACK_HOLE)
        return engines.scope(db => db.log.query('select 1'))
      },
    ],
  ] as const) {
    const startedAt = performance.now()
    const told = codeOf(work())
    await sleep(20)
    stall(500)
    expect(await told).toBe(code)
    // Its own time and the stall's, and a look more.
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  }
  proxy.reset()
  await holder.end()
})

/** Engines on a pool of one that has a limit of its own, and whoever holds its connection. */
async function heldPool(acquireTimeoutMillis: number, checkoutTimeoutMs: number) {
  const knex = { client: 'pg', connection: database.url, pool: { min: 0, max: 1, acquireTimeoutMillis } }
  const engines = createEngines({ main: engine()({ knex, checkoutTimeoutMs }) })
  const holder = engines.open()
  await holder.main.query('select 1')
  return { engines, holder }
}

test("a stall that outlasts the pool's own limit, which is later than ours, is forgiven as well", async () => {
  const { engines, holder } = await heldPool(600, 400)
  await using waiter = engines.open()
  const served = codeOf(waiter.main.query('select 1'))
  await sleep(50)
  stall(1_000)
  await sleep(20)
  await holder.end()
  expect(await served).toBe('ok')
  await waiter.end()
  await engines.close()
})

test("a pool's own limit that is earlier than ours is a timeout as well, and names the holders", async () => {
  const { engines, holder } = await heldPool(200, 5_000)
  await expect(engines.scope(db => db.main.query('select 1'))).rejects.toMatchObject({
    code: 'EL_CHECKOUT_TIMEOUT',
    message: expect.stringContaining('1 of 1 connections'),
    holders: [{ engine: 'main', backendPid: holder.main.identity?.backendPid }],
  })
  await holder.end()
  await engines.close()
})

test("a connection that does not open within the pool's own limit is no timeout of a check-out", async () => {
  await using proxy = await startFaultProxy(database.url)
  proxy.set(BLACK_HOLE)
  const knex = { client: 'pg', connection: proxy.url, pool: { min: 0, max: 1, createTimeoutMillis: 200 } }
  await using engines = createEngines({ main: engine()({ knex, checkoutTimeoutMs: 5_000 }) })
  await expect(engines.scope(db => db.main.query('select 1'))).rejects.toMatchObject({
    code: 'EL_CHECKOUT_FAILED',
    message: expect.stringContaining('could not open a connection'),
  })
  proxy.reset()
})
