import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { channels, observe, type ChannelName } from '../channels/channels.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { MOUNTS, serve } from '../testing/serve.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'

let database: TestDatabase
let watch: GroundWatch
let proxy: FaultProxy
beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text)')
  proxy = await startFaultProxy(database.url)
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 4 })
})
afterEach(async () => {
  proxy.reset()
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t')
})
afterAll(async () => {
  await proxy.stop()
  await database.drop()
})

/** `weak` is the engine whose clean-up fails; `strong` the other one of the request; `logger` has no server at all. */
const open = () =>
  createEngines({
    weak: engine()({ connection: proxy.url, pool: { max: 1 } }),
    strong: engine()({ connection: database.url, pool: { max: 1 } }),
    logger: engine()({
      connection: { host: '127.0.0.1', port: 1, user: 'u', database: 'd' },
      mode: 'autocommit',
      enlist: 'independent',
      checkoutTimeoutMs: 300,
    }),
  })

const boom = new Error('boom')

const TROUBLE: Record<string, (pid: number) => unknown> = {
  'ROLLBACK is answered with a reset': () => proxy.once('ROLLBACK', 'reset'),
  'ROLLBACK is never answered': () => proxy.once('ROLLBACK', 'black hole'),
  'its connection is dead': pid => database.admin('select pg_terminate_backend($1)', [pid]),
}

test.each(Object.entries(TROUBLE))(
  'R22 one engine cannot be cleaned up (%s): the error of the work wins, the other engine is clean at once',
  async (_what, strike) => {
    await using engines = open()
    let strongIsFree: Promise<unknown> = Promise.resolve()
    const startedAt = performance.now()
    let freeAfter = Infinity
    const work = engines.scope(async db => {
      await db.weak('t').insert({ name: 'weak' })
      await db.strong('t').insert({ name: 'strong' })
      await db.logger.query('select 1').catch(() => {})
      await strike(db.weak.identity?.backendPid as number)
      strongIsFree = engines
        .scope(other => other.strong.query('select 1'))
        .then(() => void (freeAfter = performance.now() - startedAt))
      throw boom
    })
    await expect(work).rejects.toBe(boom)
    expect(performance.now() - startedAt).toBeLessThan(6_500)
    await strongIsFree
    expect(freeAfter).toBeLessThan(1_500)
    expect(await database.admin('select name from t')).toEqual([])
    expect((await engines.scope(db => db.weak.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  },
)

test('R22 rollback() in a catch, a savepoint and a disposal hide nothing, though the connection is dead', async () => {
  await using engines = open()
  const kill = (pid: unknown) => database.admin('select pg_terminate_backend($1)', [pid])
  const work = async () => {
    await using db = engines.open()
    try {
      await db.weak.savepoint(async () => {
        await db.weak('t').insert({ name: 'weak' })
        await kill(db.weak.identity?.backendPid)
        throw boom
      })
    } catch (error) {
      await db.weak.rollback()
      await db.rollback()
      throw error
    }
  }
  await expect(work()).rejects.toBe(boom)
})

test('R22 observers that throw at everything change nothing and hide no error', async () => {
  await using engines = open()
  const stops = Object.keys(channels).map(name =>
    observe(`enginelight:${name}` as ChannelName, () => {
      throw new Error('observer')
    }),
  )
  const work = engines.scope(async db => {
    await db.weak('t').insert({ name: 'kept' })
    await db.weak.commit()
    await db.strong('t').insert({ name: 'lost' })
    throw boom
  })
  await expect(work).rejects.toBe(boom)
  for (const stop of stops) stop()
  expect(await database.admin('select name from t')).toEqual([{ name: 'kept' }])
})

test.each(MOUNTS)(
  'R22 %s: the response waits for no clean-up, and the error of the handler is the one told',
  async mount => {
    const engines = open()
    const server = await serve(mount, engines, async req => {
      await req.db.weak('t').insert({ name: 'weak' })
      await req.db.strong('t').insert({ name: 'strong' })
      proxy.once('ROLLBACK', 'black hole')
      throw boom
    })
    const startedAt = performance.now()
    const response = await fetch(server.url)
    await response.text()
    expect(response.status).toBe(500)
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(server.errors).toEqual([boom])
    expect((await engines.scope(db => db.strong('t').select())) as unknown[]).toEqual([])
    // The next request to the same engine waits, but not longer than the rollback's limit.
    expect((await engines.scope(db => db.weak.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
    expect(performance.now() - startedAt).toBeLessThan(6_500)
    await server.stop()
    await engines.close()
  },
)
