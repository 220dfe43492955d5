import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { strikeAt } from '../identity/fault-points.ts'
import { BLACK_HOLE, HEALTHY, startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { openOn, SOURCES } from '../testing/sources.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
let proxy: FaultProxy
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
beforeEach(async () => {
  await database.admin('truncate t')
  proxy = await startFaultProxy(database.url)
})
afterEach(() => proxy.stop())
afterAll(() => database.drop())

const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)
const deadlines = {
  checkoutTimeoutMs: 600,
  commitTimeoutMs: 300,
  statementTimeoutMs: 100,
  connectTimeoutMs: 800,
}

/** What became of it, and after how long. */
async function timed(promise: Promise<unknown>): Promise<{ code: string; tookMs: number }> {
  const from = performance.now()
  const code = await promise.then(
    () => 'fine',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
  return { code, tookMs: performance.now() - from }
}

describe.each(SOURCES)('R07 a connect that hangs, engine on %s', source => {
  test('fails one waiter at its deadline, and stands in nobody else’s way', async () => {
    await using watch = await watchGround(database, { max: 3 })
    const { engines, alsoClose } = openOn(source, proxy.url, {
      max: 3,
      connectTimeoutMs: 1_500,
      checkoutTimeoutMs: 4_000,
    })
    proxy.set(BLACK_HOLE, 'new')
    const work = () => timed(engines.scope(db => db.main.query('select pg_sleep(0.01)')))
    const hangs = work()
    await expect.poll(() => proxy.connections.length).toBe(1)
    proxy.set(HEALTHY, 'new')
    const others = [work(), work()]
    const all = await Promise.all([hangs, ...others])
    // Whose connect it was is the pool's affair: a fresh connection goes to who waits longest.
    const failed = all.filter(({ code }) => code !== 'fine')
    expect(failed.length).toBeLessThanOrEqual(1)
    for (const { code, tookMs } of failed) {
      expect(code).toMatch(/^EL_CHECKOUT_(FAILED|TIMEOUT)$/)
      expect(tookMs).toBeLessThan(2_200)
    }
    const served = all.filter(({ code }) => code === 'fine')
    for (const { tookMs } of served) expect(tookMs).toBeLessThan(1_300)
    // Its socket is closed, seen from the other side.
    const unseen = async () => proxy.connections.length - (await database.backends()).length
    await expect.poll(unseen, { timeout: 3_000 }).toBe(0)
    expect(await work()).toMatchObject({ code: 'fine' })
    await watch.expectSound(engines, { alsoClose, ends: {} })
    expect(proxy.connections).toHaveLength(0)
  })

  test('every connect hangs: every waiter ends at its deadline, and all is well when the network is', async () => {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, proxy.url, {
      max: 2,
      connectTimeoutMs: 600,
      checkoutTimeoutMs: 1_000,
    })
    proxy.set(BLACK_HOLE)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => timed(engines.scope(db => db.main.query('select 1')))),
    )
    for (const { code, tookMs } of answers) {
      expect(code).toMatch(/^EL_CHECKOUT_(FAILED|TIMEOUT)$/)
      expect(tookMs).toBeLessThan(1_800)
    }
    await expect.poll(() => proxy.connections.length).toBe(0)
    proxy.set(HEALTHY)
    const after = await Promise.all([1, 2].map(() => timed(engines.scope(db => db.main.query('select 1')))))
    expect(after).toMatchObject([{ code: 'fine' }, { code: 'fine' }])
    await watch.expectSound(engines, { alsoClose, ends: {} })
  })
})

describe.each(SOURCES)('R08 a line that is cut without a word, engine on %s', source => {
  /** Opens engines, runs a scenario, and sees that the connection was closed and the next request is served. */
  async function scenario(
    run: (engines: ReturnType<typeof openOn>['engines']) => Promise<void>,
    options: object = {},
  ): Promise<void> {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, proxy.url, { max: 1, ...deadlines, ...options })
    await run(engines)
    // Ours was closed; the server's end of it is still there, as it would be.
    // What asks to cancel has no backend; it may go on asking for five seconds.
    await expect.poll(() => proxy.connections.filter(one => one.backendPid !== undefined)).toEqual([])
    proxy.reset()
    proxy.set(HEALTHY)
    await expect.poll(async () => (await database.backends()).length).toBe(0)
    expect(await timed(engines.scope(db => db.main.query('select 1')))).toMatchObject({ code: 'fine' })
    await watch.expectSound(engines, { alsoClose })
  }

  test('(a) while idle in the pool', () =>
    scenario(async engines => {
      await engines.warmup()
      proxy.set(BLACK_HOLE)
      const { code, tookMs } = await timed(engines.scope(db => db.main.query('select 1')))
      expect(code).toBe('EL_CONNECTION_LOST')
      expect(tookMs).toBeLessThan(1_500)
    }))

  test('(b) between two statements, and (c) under one', () =>
    scenario(async engines => {
      const db = engines.open()
      await db.main('t').insert({ name: 'lost' })
      proxy.set(BLACK_HOLE)
      const before = await timed(db.main.query('select 1'))
      expect(before.code).toBe('EL_STATEMENT_TIMEOUT')
      expect(before.tookMs).toBeLessThan(2_400)
      await db.main.rollback()
      proxy.set(HEALTHY)
      await db.main('t').insert({ name: 'lost too' })
      using _strike = strikeAt('statement:sent', () => setImmediate(() => proxy.set({ toClient: 'swallow' })))
      const under = await timed(
        db
          .main('t')
          .insert({ name: 'sent' })
          .then(() => db.main.query('select 1')),
      )
      expect(under.code).toBe('EL_STATEMENT_TIMEOUT')
      expect(under.tookMs).toBeLessThan(2_400)
      await timed(db.end())
    }))

  test('(d) under COMMIT, before it or after it arrived: unknown, and told so', () =>
    scenario(async engines => {
      for (const [name, from] of [
        ['never arrived', 'client'],
        ['committed', 'server'],
      ] as const) {
        const db = engines.open()
        await db.main('t').insert({ name })
        const strike = proxy.once('COMMIT', 'black hole', { from })
        const { code, tookMs } = await timed(db.main.commit())
        expect(strike.struck).toBe(true)
        expect(code).toBe('EL_COMMIT_UNKNOWN')
        expect(tookMs).toBeLessThan(1_000)
        await db.end()
        proxy.reset()
      }
      expect(await names()).toEqual(['committed'])
    }))

  test('in autocommit, and under an end that was asked for at once', () =>
    scenario(
      async engines => {
        await engines.scope(db => db.main.query('select 1'))
        proxy.set(BLACK_HOLE)
        const plain = await timed(engines.scope(db => db.main.query('select 1')))
        expect(plain.code).toBe('EL_STATEMENT_TIMEOUT')
        expect(plain.tookMs).toBeLessThan(2_400)
        proxy.set(HEALTHY)
        const aborting = new AbortController()
        const db = engines.open({ signal: aborting.signal })
        await db.main.query('select 1')
        proxy.set(BLACK_HOLE)
        using strike = strikeAt('statement:sent', () => void setTimeout(() => aborting.abort(), 10))
        const running = timed(db.main.query('select 2'))
        await expect.poll(() => aborting.signal.aborted).toBe(true)
        expect(strike.struck).toBe(1)
        const ending = await timed(db.end())
        expect((await running).code).toBe('EL_ENDED')
        expect(ending.tookMs).toBeLessThan(3_000)
      },
      { mode: 'autocommit', statementTimeoutMs: 300 },
    ))
})

test('R08 (e) under the ROLLBACK of the clean-up, engines on all sources', async () => {
  await using watch = await watchGround(database, { max: 3 })
  const open = SOURCES.map(source => openOn(source, proxy.url, { max: 1, ...deadlines }))
  await Promise.all(open.map(({ engines }) => engines.warmup()))
  using _strike = strikeAt(
    'rollback:sent',
    driver => proxy.of(driver?.processID ?? undefined).set(BLACK_HOLE),
    { times: 3 },
  )
  const ends = await Promise.all(
    open.map(({ engines }) => timed(engines.scope(db => db.main('t').insert({ name: 'lost' })))),
  )
  for (const { code, tookMs } of ends) {
    expect(code).toBe('fine')
    expect(tookMs).toBeLessThan(6_500)
  }
  await expect.poll(() => proxy.connections.length).toBe(0)
  proxy.reset()
  for (const { engines } of open) {
    expect(await timed(engines.scope(db => db.main.query('select 1')))).toMatchObject({ code: 'fine' })
  }
  expect(await names()).toEqual([])
  for (const { engines } of open.slice(1)) await engines.close()
  for (const { alsoClose } of open.slice(1)) await alsoClose()
  await watch.expectSound(open[0]?.engines)
})
