import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy } from '../testing/fault-proxy.ts'
import { startPostgres, type RunningPostgres } from '../testing/postgres.ts'
import { openOn, SOURCES } from '../testing/sources.ts'
import { watchGround } from '../testing/watch-ground.ts'

let server: RunningPostgres
let database: TestDatabase
beforeAll(async () => {
  server = await startPostgres()
  database = await createDatabase('create table t (id int primary key)', server.url)
})
afterAll(async () => {
  await database.drop()
  await server.stop()
})

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error: { code: string }) => error.code,
  )

describe.each(SOURCES)('R04 a server that takes nobody, engine on %s', source => {
  const open = (url: string) =>
    openOn(source, url, { max: 2, connectTimeoutMs: 1_000, checkoutTimeoutMs: 1_500 })
  const ask = async ({ engines }: ReturnType<typeof open>) => {
    const from = performance.now()
    const error = await engines.scope(db => db.main('t').select()).catch((caught: unknown) => caught)
    return { error, tookMs: performance.now() - from }
  }
  const refusedWith = async (opened: ReturnType<typeof open>, code: string) => {
    for (let index = 0; index < 3; index++) {
      const { error, tookMs } = await ask(opened)
      expect(error).toMatchObject({ code: 'EL_CHECKOUT_FAILED', cause: { code } })
      expect(tookMs).toBeLessThan(900)
    }
  }

  test('absent at the start', async () => {
    await using watch = await watchGround(database, { max: 2 })
    await using proxy = await startFaultProxy(database.url)
    await proxy.refuse()
    const opened = open(proxy.url)
    await refusedWith(opened, 'ECONNREFUSED')
    await proxy.accept()
    expect((await ask(opened)).error).toEqual([])
    await watch.expectSound(opened.engines, { ...opened, ends: {} })
  })

  test('a wrong password, and a role that may have no connection more', async () => {
    const role = `r_${randomBytes(4).toString('hex')}`
    await database.admin(`create role ${role} login password 'other'; grant select on t to ${role}`)
    const opened = open(database.url.replace('postgres:postgres@', `${role}:secret@`))
    await using watch = await watchGround(database, { max: 2 })
    await refusedWith(opened, '28P01')
    await database.admin(`alter role ${role} password 'secret' connection limit 0`)
    await refusedWith(opened, '53300')
    await database.admin(`alter role ${role} connection limit -1`)
    expect((await ask(opened)).error).toEqual([])
    await watch.expectSound(opened.engines, { ...opened })
    await database.admin(`drop owned by ${role}; drop role ${role}`)
  })
})

test('R04 a server that is shutting down (57P03), engines on all sources: found again when it is back', async () => {
  await using watch = await watchGround(database, { max: 6 })
  const all = SOURCES.map(source => openOn(source, database.url, { max: 2, checkoutTimeoutMs: 2_000 }))
  const lodger = all[0]?.engines.open()
  await lodger?.main('t').select()
  // A smart shutdown waits for those who are in, and lets in nobody.
  const halted = server.halt('smart')
  for (const { engines } of all) {
    await expect
      .poll(() => engines.scope(db => db.main('t').select()).catch((error: unknown) => error))
      .toMatchObject({ code: 'EL_CHECKOUT_FAILED', cause: { code: '57P03' } })
  }
  await lodger?.end()
  // The administrators are in as well, and would be waited for.
  await Promise.all([halted, server.halt()])
  await server.start()
  for (const { engines } of all) expect(await engines.scope(db => db.main('t').select())).toEqual([])
  for (const { engines, alsoClose } of all.slice(1)) {
    await engines.close()
    await alsoClose()
  }
  await watch.expectSound(all[0]?.engines)
})

/** Requests at a steady rate, each with a row of its own, and what each was told. */
function startLoad({ engines }: ReturnType<typeof openOn>, first: number) {
  const told = new Map<number, string>()
  const running = new Set<Promise<void>>()
  let id = first
  const timer = setInterval(() => {
    const own = id++
    const request = codeOf(
      engines.scope(async db => {
        await db.main('t').insert({ id: own })
        await db.main.commit()
      }),
    ).then(code => {
      told.set(own, code)
      running.delete(request)
    })
    running.add(request)
  }, 5)
  return {
    told,
    get asked() {
      return id - first
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(running)
    },
  }
}

let nextId = 0

/** Runs load over a disaster and its repair; what was acknowledged is there, what failed is not, then all is well. */
async function throughDisaster(disaster: () => Promise<void>): Promise<void> {
  await using watch = await watchGround(database, { max: 12 })
  const all = SOURCES.map(source =>
    openOn(source, database.url, {
      max: 4,
      connectTimeoutMs: 1_000,
      checkoutTimeoutMs: 1_000,
      commitTimeoutMs: 1_000,
    }),
  )
  let attempts = 0
  const onSocket = () => void attempts++
  const loads = all.map(opened => startLoad(opened, (nextId += 100_000)))
  await new Promise(resolve => setTimeout(resolve, 200))
  subscribe('net.client.socket', onSocket)
  const askedBefore = loads.reduce((sum, load) => sum + load.asked, 0)
  await disaster()
  const isBack = () =>
    database.admin('select 1').then(
      () => true,
      () => false,
    )
  await expect.poll(isBack, { timeout: 10_000 }).toBe(true)
  await new Promise(resolve => setTimeout(resolve, 300))
  unsubscribe('net.client.socket', onSocket)
  const askedMeanwhile = loads.reduce((sum, load) => sum + load.asked, 0) - askedBefore
  await Promise.all(loads.map(load => load.stop()))
  const there = new Set((await database.admin<{ id: number }>('select id from t')).map(row => row.id))
  for (const { told } of loads) {
    const codes = new Set(told.values())
    expect(codes).toContain('fine')
    for (const code of codes) {
      expect([
        'fine',
        'EL_COMMIT_UNKNOWN',
        'EL_CONNECTION_LOST',
        'EL_CHECKOUT_FAILED',
        'EL_CHECKOUT_TIMEOUT',
      ]).toContain(code)
    }
    const wrong = [...told].filter(
      ([id, code]) =>
        (code === 'fine' && !there.has(id)) ||
        (code !== 'fine' && code !== 'EL_COMMIT_UNKNOWN' && there.has(id)),
    )
    expect(wrong).toEqual([])
  }
  // No request makes more than one attempt to connect; our own eyes on the server make a few.
  expect(attempts).toBeLessThanOrEqual(askedMeanwhile + 12 + 60)
  for (const { engines } of all) {
    // Few at once: a second is all that each may wait, on a machine that does other things as well.
    for (let round = 0; round < 10; round++) {
      const ask = () => codeOf(engines.scope(db => db.main.query('select 1')))
      expect(new Set(await Promise.all(Array.from({ length: 10 }, ask)))).toEqual(new Set(['fine']))
    }
  }
  for (const { engines, alsoClose } of all.slice(1)) {
    await engines.close()
    await alsoClose()
  }
  await watch.expectSound(all[0]?.engines)
}

test('R02 a backend is killed with -9 and the server recovers, under load', () =>
  throughDisaster(async () => {
    process.kill((await database.backends())[0]?.pid as number, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 500))
  }))

test.each(['fast', 'immediate'] as const)('R03 the server is restarted under load, %s', how =>
  throughDisaster(async () => {
    await server.halt(how)
    await new Promise(resolve => setTimeout(resolve, 200))
    await server.start()
  }),
)
