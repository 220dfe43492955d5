import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { BLACK_HOLE, startFaultProxy } from '../testing/fault-proxy.ts'
import { expectBackends, expectQuiet, untilRuns } from '../testing/ground-truth.ts'

/** How much longer than its grace a close may take on a busy machine. */
const OVERHEAD_MS = 1_000

let database: TestDatabase
let abandoned: number
const uncaught: unknown[] = []
const onUncaught = (error: unknown) => void uncaught.push(error)

beforeAll(async () => {
  database = await createDatabase(`
    create table t (id serial primary key, name text);
    create table slow (id int);
    create function slowly() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.9); return null; end $$;
    create constraint trigger slowly after insert on slow deferrable initially deferred
      for each row execute function slowly();
  `)
  process.on('uncaughtException', onUncaught)
})
beforeEach(async () => void (abandoned = await abandonedSessions()))
afterEach(async () => {
  await expectQuiet(database)
  expect(uncaught).toEqual([])
  await database.admin('truncate t, slow')
})
afterAll(async () => {
  process.off('uncaughtException', onUncaught)
  await database.drop()
})

/** The server's own count of sessions with a lost client. */
async function abandonedSessions() {
  const [row] = await database.admin<{ sessions_abandoned: string }>(
    'select sessions_abandoned from pg_stat_database where datname = current_database()',
  )
  return Number(row?.sessions_abandoned)
}

async function faultProxy() {
  const proxy = await startFaultProxy(database.url)
  onTestFinished(() => proxy.stop())
  return proxy
}

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => value,
    (error: unknown) => error,
  )

async function timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now()
  return { value: await promise, ms: performance.now() - startedAt }
}

const bad = (code: string) => expect.objectContaining({ code })

test('close keeps its time with everything at once, says goodbye to the server, and names what it cut', async () => {
  const given = new pg.Pool({ connectionString: database.url, max: 2 })
  given.on('error', () => {})
  const engines = createEngines({
    own: engine()({ connection: database.url, pool: { max: 4 } }),
    made: engine()({ pool: () => new pg.Pool({ connectionString: database.url, max: 3 }) }),
    given: engine()({ pool: given }),
  })
  const made = engines.get('made').knex.client.config.connectionPool as pg.Pool
  const jobs = ['hung', 'open', 'third', 'waiting'].map(label => engines.open({ label }))
  const [hung, open, third, waiting] = jobs as [
    (typeof jobs)[0],
    (typeof jobs)[0],
    (typeof jobs)[0],
    (typeof jobs)[0],
  ]
  await Promise.all(
    [hung, open].flatMap(db => [db.own('t').insert({}), db.made('t').insert({}), db.given('t').insert({})]),
  )
  await third.own.query('select 1')
  const answers = [hung.own, hung.made, hung.given].map(session =>
    outcome(session.query('select pg_sleep(60)')),
  )
  const knex = engines.get('own').knex
  const trx = await knex.transaction()
  await trx('t').insert({})
  trx.executionPromise?.catch(() => {})
  const client = await made.connect()
  await client.query('begin')
  const sleeping = outcome(client.query('insert into t select from pg_sleep(60)'))
  const waiters = [
    outcome(waiting.own.query('select 1')),
    outcome(waiting.made.query('select 1')),
    outcome(waiting.given.query('select 1')),
    outcome(knex('t').select()),
    outcome(made.query('select 1')),
  ]
  await untilRuns(database, 'pg_sleep(60)', 4)

  const { value: report, ms } = await timed(engines.close({ graceMs: 600 }))
  expect(ms).toBeGreaterThan(400)
  expect(ms).toBeLessThan(600 + OVERHEAD_MS)
  const here = expect.stringMatching(/close\.test\.ts:\d+$/)
  expect(
    report.ended.map(({ label, sessions }) => [
      label,
      sessions.map(one => `${one.engine} ${one.holder?.state}`),
    ]),
  ).toEqual([
    ['hung', ['own executing', 'made executing', 'given executing']],
    ['open', ['own idle in transaction', 'made idle in transaction', 'given idle in transaction']],
    ['third', ['own idle in transaction']],
    ['waiting', ['own undefined', 'made undefined', 'given undefined']],
  ])
  for (const { sessions } of report.ended)
    for (const { holder } of sessions) if (holder) expect(holder.site).toEqual(here)
  expect(report.cut).toEqual([
    expect.objectContaining({ engine: 'own', state: 'idle in transaction', site: here }),
    expect.objectContaining({ engine: 'made', state: 'executing', site: here }),
  ])
  expect(report.sentences).toHaveLength(6)

  for (const answer of answers) expect(await answer).toEqual(bad('EL_ENDED'))
  for (const waiter of waiters.slice(0, 3)) expect(await waiter).toEqual(bad('EL_ENDED'))
  for (const waiter of waiters.slice(3)) expect(await waiter).toBeInstanceOf(Error)
  expect(await sleeping).toEqual(bad('57014'))
  expect(() => client.release()).not.toThrow()
  await expect(knex('t').select()).rejects.toThrow(/aborted|Unable to acquire/)
  expect(() => engines.open().own).toThrow(bad('EL_ENGINE_CLOSED'))
  expect((await given.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await given.end()
  await expectBackends(database, 0)
  expect(await abandonedSessions()).toBe(abandoned)
  expect(await database.admin('select * from t')).toEqual([])
})

test('over a network that has gone silent close keeps its time, and keeps no socket', async () => {
  const proxy = await faultProxy()
  const engines = createEngines({
    own: engine()({ connection: proxy.url, pool: { max: 5 } }),
    made: engine()({ pool: () => new pg.Pool({ connectionString: proxy.url, max: 5 }) }),
    pipelined: engine()({ connection: proxy.url, pipeline: true }),
  })
  const made = engines.get('made').knex.client.config.connectionPool as pg.Pool
  await Promise.all(
    [1, 2, 3].map(() =>
      engines.scope(db =>
        Promise.all([db.own.query('select pg_sleep(0.1)'), db.made.query('select pg_sleep(0.1)')]),
      ),
    ),
  )
  const db = engines.open()
  await Promise.all([db.own('t').insert({}), db.made('t').insert({})])
  const client = await made.connect()
  await client.query('begin')
  proxy.set(BLACK_HOLE)
  const answers = [
    db.own.query('select 1'),
    db.pipelined('t').select(),
    engines.get('own').knex('t').select(),
    client.query('select 1'),
  ].map(outcome)
  // The silence begins once they are on their way, and nothing tells of that.
  await sleep(20)
  const { ms, value } = await timed(engines.close({ graceMs: 300 }))
  expect(ms).toBeLessThan(300 + OVERHEAD_MS)
  expect(value.ended).toHaveLength(1)
  for (const answer of answers) expect(await answer).toBeInstanceOf(Error)
  await expect.poll(() => proxy.connections.length).toBe(0)
  proxy.reset()
  await expectBackends(database, 0)
})

test('idle connections over a silent network cost a close no grace', async () => {
  const proxy = await faultProxy()
  const engines = createEngines({
    own: engine()({ connection: proxy.url }),
    made: engine()({ pool: () => new pg.Pool({ connectionString: proxy.url }) }),
  })
  await engines.warmup()
  proxy.set(BLACK_HOLE)
  const { ms, value } = await timed(engines.close({ graceMs: 10_000 }))
  expect(ms).toBeLessThan(1_000)
  expect(value).toEqual({ ended: [], cut: [], sentences: [] })
  await expect.poll(() => proxy.connections.length).toBe(0)
})

test.each(['own', 'made'] as const)(
  'R43 a %s pool that is closed while it connects ends those sockets too',
  async kind => {
    const sockets = new Set<Socket>()
    const silent = createServer(
      socket =>
        void sockets.add(
          socket
            .resume()
            .on('close', () => sockets.delete(socket))
            .on('error', () => {}),
        ),
    )
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const url = `postgres://u:p@127.0.0.1:${port}/x`
    const engines = createEngines({
      main:
        kind === 'own'
          ? engine()({ connection: url })
          : engine()({ pool: () => new pg.Pool({ connectionString: url }) }),
    })
    const db = engines.open()
    const answers = [
      outcome(engines.warmup()),
      outcome(db.main.query('select 1')),
      outcome(engines.get('main').knex.raw('select 1')),
    ]
    await expect.poll(() => sockets.size).toBe(3)
    const { ms } = await timed(engines.close({ graceMs: 200 }))
    expect(ms).toBeLessThan(200 + OVERHEAD_MS)
    expect(await answers[0]).toEqual(bad('EL_ENGINE_CLOSED'))
    expect(await answers[1]).toEqual(bad('EL_ENDED'))
    expect(await answers[2]).toBeInstanceOf(Error)
    await expect.poll(() => sockets.size).toBe(0)
    silent.close()
  },
)

test('a connection that comes when its engines are closed is closed again', async () => {
  const proxy = await faultProxy()
  proxy.set({ delayMs: 60 })
  const engines = createEngines({
    own: engine()({ connection: proxy.url }),
    made: engine()({ pool: () => new pg.Pool({ connectionString: proxy.url }) }),
  })
  const warm = outcome(engines.warmup())
  await expect.poll(() => proxy.accepted).toBe(2)
  await engines.close({ graceMs: 1_000 })
  expect(await warm).toEqual(bad('EL_ENGINE_CLOSED'))
  await expectBackends(database, 0)
  await expect.poll(() => proxy.connections.length).toBe(0)
})

test('close again is the same close; with less time it hurries', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open()
  await db.main('t').insert({})
  const first = engines.close({ graceMs: 60_000 })
  const longer = engines.close({ graceMs: 120_000 })
  // Both wait, and end nothing.
  await sleep(20)
  expect(db.main.state).toBe('active')
  const { ms, value } = await timed(engines.close({ graceMs: 0 }))
  expect(ms).toBeLessThan(OVERHEAD_MS)
  expect(await first).toBe(value)
  expect(await longer).toBe(value)
  expect(await engines.close()).toBe(value)
  const timers = process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
  await engines.close({ graceMs: 1 })
  expect(process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length).toBe(timers)
  expect(value.ended).toHaveLength(1)
  await expectBackends(database, 0)
  expect(await abandonedSessions()).toBe(abandoned)
})

test('await using closes the engines, and says nothing of those that are closed already', async () => {
  const use = async () => {
    await using engines = createEngines({ main: engine()({ connection: database.url }) })
    await engines.scope(db => db.main.query('select 1'))
    return engines
  }
  const engines = await use()
  await expectBackends(database, 0)
  await expect(engines.warmup()).rejects.toEqual(bad('EL_ENGINE_CLOSED'))
  await engines[Symbol.asyncDispose]()
})

test.each([Number.NaN, -1, '100', null])('a grace of %o is refused, and nothing is closed', async graceMs => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  await expect(engines.close({ graceMs: graceMs as number })).rejects.toEqual(bad('EL_CONFIG'))
  await engines.scope(db => db.main.query('select 1'))
  // Infinity is valid too: nothing is running to wait for.
  await engines.close({ graceMs: Infinity })
})

test('whoever ends within the grace is not cut, and work may begin until it is over', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open()
  await db.main('t').insert({ name: 'first' })
  const closing = engines.close({ graceMs: 5_000 })
  await engines.scope(async other => {
    await other.main('t').insert({ name: 'begun after' })
    await other.main.commit()
  })
  await db.main.commit()
  await db.end()
  expect(await closing).toEqual({ ended: [], cut: [], sentences: [] })
  expect(await database.admin('select name from t order by id')).toEqual(
    [{ name: 'begun after' }, { name: 'first' }].toReversed(),
  )
  await expectBackends(database, 0)
  expect(await abandonedSessions()).toBe(abandoned)
})

test('an end that still waits for a statement is hurried by close', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url }) })
  const db = engines.open()
  await db.main('t').insert({})
  const stray = outcome(db.main.query('select pg_sleep(30)'))
  await untilRuns(database, 'pg_sleep(30)')
  const ended = db.end()
  const { ms } = await timed(engines.close({ graceMs: 0 }))
  expect(ms).toBeLessThan(OVERHEAD_MS)
  await ended
  expect(await stray).toEqual(bad('EL_ENDED'))
  await expectBackends(database, 0)
  expect(await abandonedSessions()).toBe(abandoned)
})

test('R43 reinits that drain end with the close, one that comes during it is refused', async () => {
  const engines = createEngines({
    own: engine()({ connection: database.url }),
    made: engine()({ pool: () => new pg.Pool({ connectionString: database.url }) }),
  })
  const trx = await engines.get('own').knex.transaction()
  const client = await (engines.get('made').knex.client.config.connectionPool as pg.Pool).connect()
  const drained = engines.reinit('!all')
  await engines.scope(db => Promise.all([db.own.query('select 1'), db.made.query('select 1')]))
  const closing = engines.close({ graceMs: 100 })
  await expect(engines.reinit('own')).rejects.toEqual(bad('EL_ENGINE_CLOSED'))
  expect((await closing).cut.map(({ pool }) => pool)).toEqual(['own#1', 'made#1'])
  await drained
  expect(trx.isCompleted()).toBe(false)
  client.release()
  await expectBackends(database, 0)
})

test('a COMMIT that is on its way as the time is over tells what has become of it', async () => {
  const proxy = await faultProxy()
  const engines = createEngines({
    quick: engine()({ connection: database.url }),
    slow: engine()({ connection: database.url }),
    silent: engine()({ connection: proxy.url }),
  })
  const db = engines.open()
  await db.quick('t').insert({ name: 'quick' })
  await db.slow('slow').insert({ id: 1 })
  await db.silent('t').insert({ name: 'silent' })
  const lost = proxy.once('COMMIT', connection => connection.set({ toClient: 'swallow' }))
  const quick = db.quick.commit()
  // Answered between the end of the grace and the end of the time: it is not cancelled.
  const slow = outcome(db.slow.commit())
  const silent = outcome(db.silent.commit())
  await lost.hit
  const { ms, value } = await timed(engines.close({ graceMs: 1_000 }))
  expect(ms).toBeLessThan(1_000 + OVERHEAD_MS)
  await quick
  expect(await slow).toBeUndefined()
  expect(await silent).toEqual(bad('EL_COMMIT_UNKNOWN'))
  expect(value.ended[0]?.sessions.map(({ engine: name, holder }) => [name, holder?.state])).toEqual([
    ['quick', undefined],
    ['slow', 'executing'],
    ['silent', 'executing'],
  ])
  expect(await database.admin('select name from t order by name')).toEqual([
    { name: 'quick' },
    { name: 'silent' },
  ])
  expect(await database.admin('select * from slow')).toEqual([{ id: 1 }])
  await expectBackends(database, 0)
})
