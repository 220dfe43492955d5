import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { strikeAt } from '../identity/fault-points.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { MOUNTS, serve } from '../testing/serve.ts'
import { listen } from '../testing/story.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'

let database: TestDatabase
let watch: GroundWatch
const open = () =>
  createEngines({
    main: engine()({ connection: database.url, pool: { max: 1 }, checkoutTimeoutMs: 5_000 }),
    log: engine()({ connection: database.url, pool: { max: 1 }, mode: 'autocommit' }),
  })
beforeAll(async () => {
  database = await createDatabase(`
    create table t (id serial primary key, name text);
    create table slow (id int);
    create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$;
    create constraint trigger slowly after insert on slow deferrable initially deferred for each row execute function slowly();
  `)
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 4 })
})
afterEach(async () => {
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t, slow')
})
afterAll(() => database.drop())

function latch<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void
  const promise = new Promise<T>(resolve => void (open = resolve))
  return { promise, open }
}
const caught = (work: PromiseLike<unknown>) =>
  Promise.resolve(work)
    .then(() => 'no error' as unknown)
    .catch((error: unknown) => error)
const over = { code: 'EL_ENDED' }

describe.each(MOUNTS)('R20 %s: a client that leaves', mount => {
  test('before anything was asked of the database: nothing is taken any more', async () => {
    const engines = open()
    const [begun, goOn, result] = [latch(), latch(), latch<unknown>()]
    const { messages, stop } = listen('checkout', 'request')
    const server = await serve(mount, engines, async (req, res) => {
      const { db } = req
      begun.open()
      await goOn.promise
      result.open(await caught(Promise.resolve().then(() => db.main('t').insert({ name: 'late' }))))
      res.end()
    })
    const client = server.ask()
    await begun.promise
    client.hangUp()
    await expect
      .poll(() => messages.at(-1))
      .toMatchObject({ phase: 'end', outcome: 'aborted', unreleased: [] })
    goOn.open()
    expect(await result.promise).toMatchObject(over)
    stop()
    expect(messages.filter(message => message.channel === 'enginelight:checkout')).toEqual([])
    await expectBackends(database, 0)
    await server.stop()
    await engines.close()
  })

  test('while its request waits for a connection: the waiter leaves the queue, those behind it are served', async () => {
    const engines = open()
    const [waiting, result] = [latch(), latch<unknown>()]
    const holder = engines.open()
    await holder.main.query('select 1')
    const server = await serve(mount, engines, async (req, res) => {
      const work = caught(req.db.main('t').insert({ name: 'late' }))
      waiting.open()
      result.open(await work)
      res.end()
    })
    const client = server.ask()
    await waiting.promise
    const behind = engines.scope(db => db.main.query('select 1'))
    await sleep(20)
    client.hangUp()
    expect(await result.promise).toMatchObject(over)
    await holder.end()
    await behind
    await server.stop()
    await engines.close()
    expect(await database.admin('select name from t')).toEqual([])
  })

  test.each(['main', 'log'] as const)(
    'during a statement: it is cancelled on the server and its connection closed, engine %s',
    async name => {
      const engines = open()
      const [running, result] = [latch<number | null | undefined>(), latch<unknown>()]
      const server = await serve(mount, engines, async (req, res) => {
        const session = req.db[name]
        using _point = strikeAt('statement:sent', driver => running.open(driver?.processID))
        result.open(await caught(session.query(`insert into t (name) select 'late' from pg_sleep(30)`)))
        res.end()
      })
      const client = server.ask()
      const pid = await running.promise
      const startedAt = performance.now()
      client.hangUp()
      expect(await result.promise).toMatchObject(over)
      expect(performance.now() - startedAt).toBeLessThan(1_500)
      await expectQuiet(database)
      expect((await database.backends()).map(backend => backend.pid)).not.toContain(pid)
      expect((await engines.scope(db => db[name].query('select 1 as one'))).rows).toEqual([{ one: 1 }])
      await server.stop()
      await engines.close()
    },
  )

  test.each([
    ['main', 'text'],
    ['log', 'text'],
    ['main', 'builder'],
    ['log', 'builder'],
  ] as const)('while the response streams: the stream ends, engine %s, from a %s', async (name, source) => {
    const engines = open()
    const result = latch<unknown>()
    const server = await serve(mount, engines, async (req, res) => {
      const session = req.db[name]
      const sql = `select repeat('x', 1000) as x from generate_series(1, 1000000)`
      const rows = session.stream(source === 'text' ? sql : session.raw(sql))
      const lines = rows.map((row: { x: string }) => `${row.x}\n`)
      result.open(await caught(pipeline(lines, res)))
    })
    const client = server.ask()
    const response = await client.answered
    await once(response, 'data')
    const startedAt = performance.now()
    client.hangUp()
    expect(await result.promise).toBeInstanceOf(Error)
    await expectQuiet(database)
    expect((await engines.scope(db => db[name].query('select 1 as one'))).rows).toEqual([{ one: 1 }])
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    await server.stop()
    await engines.close()
  })

  test('during COMMIT: it finishes, and is told as it is', async () => {
    const engines = open()
    const [committing, result] = [latch(), latch<unknown>()]
    const { messages, stop } = listen('request')
    const server = await serve(mount, engines, async (req, res) => {
      await req.db.main('slow').insert({ id: 1 })
      using _point = strikeAt('commit:sent', () => committing.open())
      result.open(await caught(req.db.main.commit()))
      res.end()
    })
    const client = server.ask()
    await committing.promise
    client.hangUp()
    expect(await result.promise).toBe('no error')
    expect(await database.admin('select id from slow')).toEqual([{ id: 1 }])
    await expect.poll(() => messages.at(-1)).toMatchObject({ outcome: 'aborted', unreleased: [] })
    stop()
    await server.stop()
    await engines.close()
  })

  test('just before COMMIT is sent: nothing is committed, and that is told', async () => {
    const engines = open()
    const [due, left, result] = [latch(), latch(), latch<unknown>()]
    const server = await serve(mount, engines, async (req, res) => {
      await req.db.main('t').insert({ name: 'late' })
      due.open()
      await left.promise
      result.open(await caught(req.db.main.commit()))
      res.end()
    })
    const client = server.ask()
    await due.promise
    client.hangUp()
    await sleep(50)
    left.open()
    expect(await result.promise).toMatchObject(over)
    expect(await database.admin('select name from t')).toEqual([])
    await server.stop()
    await engines.close()
  })
})
