import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
let engines: ReturnType<typeof open>
const open = () =>
  createEngines({
    main: engine<{ t: { id: number; name: string } }>()({
      connection: database.url,
      pool: { max: 1 },
      checkoutTimeoutMs: 5_000,
    }),
    log: engine()({ connection: database.url, mode: 'autocommit', enlist: 'independent', pool: { max: 1 } }),
  })

beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text)')
  engines = open()
})
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)
const running = (query: string) =>
  expect.poll(() => database.backends()).toContainEqual(expect.objectContaining({ state: 'active', query }))

test('release and rollback give the connection back early, may be called twice, and leave the session usable', async () => {
  const db = engines.open()
  await db.main('t').insert({ name: 'a' })
  await db.main.release()
  await db.main.release()
  expect(db.main.identity).toBeUndefined()
  // The pool's only connection is free for another session.
  await engines.scope(other => other.main('t').select())
  await db.main('t').insert({ name: 'b' })
  await db.rollback()
  await db.main.rollback()
  await db.main('t').insert({ name: 'c' })
  await db.main.commit()
  await db.end()
  expect(await names()).toEqual(['c'])
})

test('a session disposes of itself, and one that is disposed says so', async () => {
  const db = engines.open()
  {
    await using session = db.main
    await session('t').insert({ name: 'lost' })
  }
  await expect(db.main('t').select()).rejects.toMatchObject({ code: 'EL_ENDED' })
  await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_ENDED' })
  await db.end()
  expect(await names()).toEqual([])
})

test('a signal ends the container: the statement is cancelled on the server, the one that waits gives up', async () => {
  const stop = new AbortController()
  const { messages, stop: unlisten } = listen('request', 'checkout')
  const first = engines.open({ signal: stop.signal, label: 'first' })
  const second = engines.open({ signal: stop.signal, label: 'second' })
  const slow = first.main.query('select pg_sleep(30)').catch((error: unknown) => error)
  await running('select pg_sleep(30)')
  const waiting = second.main.query('select 1').catch((error: unknown) => error)
  stop.abort(new Error('shutdown'))
  expect(await slow).toMatchObject({ code: 'EL_ENDED' })
  expect(await waiting).toMatchObject({ code: 'EL_ENDED' })
  await expect.poll(() => messages.filter(message => message.phase === 'end').length).toBe(2)
  unlisten()
  expect(messages.filter(message => message.phase === 'end')).toEqual([
    expect.objectContaining({ outcome: 'aborted', unreleased: [] }),
    expect.objectContaining({ outcome: 'aborted', unreleased: [] }),
  ])
  const late = engines.open({ signal: stop.signal })
  expect(() => late.main).toThrow(expect.objectContaining({ code: 'EL_ENDED' }))
})

test('a statement that nobody awaited may finish within the grace; a longer one is cancelled', async () => {
  const db = engines.open()
  const logged = db.log.query(`insert into t (name) select 'logged' from pg_sleep(0.1)`)
  await db.end()
  await logged
  expect(await names()).toEqual(['logged'])

  const other = engines.open()
  const endless = other.log.query('select pg_sleep(30)').catch((error: unknown) => error)
  const startedAt = performance.now()
  await other.end()
  expect(performance.now() - startedAt).toBeLessThan(2_500)
  expect(await endless).toMatchObject({ code: 'EL_ENDED' })
})

test("knex's timeout on a statement closes the connection, for the statement may still be running on it", async () => {
  const db = engines.open()
  await db.main('t').insert({ name: 'x' })
  const before = db.main.identity?.backendPid
  await expect(db.main.raw('select pg_sleep(30)').timeout(50)).rejects.toThrow(/timeout/i)
  expect(db.main.state).toBe('lost')
  await db.main.rollback()
  await db.main('t').select()
  expect(db.main.identity?.backendPid).not.toBe(before)
  await db.end()
})

test('a stream that is half read at the end of its request is closed with its connection', async () => {
  const db = engines.open()
  const stream = db.main.stream('select g from generate_series(1, 1000000) g')
  stream.on('error', () => {})
  for await (const _row of stream.take(3)) break
  await db.main('t').select()
  const hanging = db.main.stream('select g from generate_series(1, 1000000) g')
  hanging.on('error', () => {})
  hanging.read(1)
  await running('select g from generate_series(1, 1000000) g')
  await db.end()
  await expectQuiet(database)
})

test('a raw COMMIT or ROLLBACK ends the transaction as it does on the server', async () => {
  const db = engines.open()
  await db.main('t').insert({ name: 'a' })
  await db.main.raw('commit')
  expect(db.main.state).toBe('idle')
  expect(db.main.identity).toBeUndefined()
  await db.main('t').insert({ name: 'b' })
  await db.main.query('rollback')
  expect(db.main.state).toBe('idle')
  await db.end()
  expect(await names()).toEqual(['a'])
})

test('an engine that cannot be cleaned up does not keep the others from it', async () => {
  const db = engines.open()
  await db.main('t').insert({ name: 'lost' })
  await db.log.query('select 1')
  await database.admin('select pg_terminate_backend($1)', [db.main.identity?.backendPid])
  await db.end()
  expect(db.status).toEqual({ main: 'ended', log: 'ended' })
  expect(await engines.scope(async other => (await other.main.query('select 1 as one')).rows)).toEqual([
    { one: 1 },
  ])
})

test('autocommit has no savepoint, and says why', async () => {
  const db = engines.open()
  await expect(db.log.savepoint(async () => {})).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await db.end()
})

test('an error in a scope rolls back, ends it and is the error that the caller sees', async () => {
  const { messages, stop } = listen('request')
  const failure = new Error('job')
  await expect(
    engines.scope(async db => {
      await db.main('t').insert({ name: 'lost' })
      throw failure
    }),
  ).rejects.toBe(failure)
  stop()
  expect(messages.at(-1)).toMatchObject({ outcome: 'failed' })
  expect(await names()).toEqual([])
})

test('one signal may end any number of containers without a warning of Node', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  const { signal } = new AbortController()
  const containers = Array.from({ length: 20 }, () => engines.open({ signal }))
  await Promise.all(containers.map(db => db.end()))
  await new Promise(resolve => setTimeout(resolve, 10))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})
