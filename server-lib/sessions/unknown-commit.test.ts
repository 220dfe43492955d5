import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import type { PgClient } from '../postgres/driver.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { strikeAt } from '../identity/fault-points.ts'
import { startFaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const open = (options: object = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, ...options }) })
const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)
const cut = (driver: PgClient | undefined) => void driver?.connection?.stream?.destroy()

test('a COMMIT whose answer is lost is resolved as committed, and the session goes on', async () => {
  const engines = open({ resolveUnknownCommit: true })
  const db = engines.open()
  await db.main('t').insert({ name: 'kept' })
  using strike = strikeAt('commit:sent', cut)
  await db.main.commit()
  expect(strike.struck).toBe(1)
  expect(db.main.state).toBe('idle')
  await db.main('t').insert({ name: 'after' })
  await db.main.commit()
  await db.end()
  await engines.close()
  expect(await names()).toEqual(['kept', 'after'])
})

test('a COMMIT that never arrived is resolved as rolled back', async () => {
  const engines = open({ resolveUnknownCommit: true })
  const db = engines.open()
  await db.main('t').insert({ name: 'lost' })
  using _strike = strikeAt('commit:due', cut)
  await expect(db.main.commit()).rejects.toMatchObject({
    code: 'EL_COMMIT_ROLLED_BACK',
    cause: { message: expect.stringMatching(/Connection terminated|not queryable|ended|EPIPE/) },
  })
  expect(db.main.state).toBe('idle')
  await db.end()
  await engines.close()
  expect(await names()).toEqual([])
})

test('a transaction that is still open on the server, its client cut off, is ended there and told as rolled back', async () => {
  const proxy = await startFaultProxy(database.url)
  const engines = open({ connection: proxy.url, resolveUnknownCommit: true, commitTimeoutMs: 400 })
  const db = engines.open()
  await db.main('t').insert({ name: 'lost' })
  // The network swallows COMMIT and all that follows, and the server waits for a lost client.
  const strike = proxy.once('COMMIT', 'black hole')
  await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
  expect(strike.struck).toBe(true)
  await expectQuiet(database)
  await db.end()
  await engines.close()
  await proxy.stop()
  expect(await names()).toEqual([])
})

test('what cannot be resolved in time stays unknown, and names the transaction to ask for', async () => {
  const proxy = await startFaultProxy(database.url)
  const engines = open({ connection: proxy.url, resolveUnknownCommit: true, commitTimeoutMs: 400 })
  const db = engines.open()
  await db.main('t').insert({ name: 'kept' })
  proxy.once('COMMIT', 'reset', { from: 'server' })
  await proxy.refuse()
  const startedAt = performance.now()
  const error = await db.main.commit().then(
    () => undefined,
    (failure: { code: string; transactionId: string; message: string }) => failure,
  )
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  expect(error).toMatchObject({ code: 'EL_COMMIT_UNKNOWN', transactionId: expect.stringMatching(/^\d+$/) })
  expect(error?.message).toContain(`select pg_xact_status('${error?.transactionId}')`)
  expect(
    await database.admin('select pg_xact_status($1::text::xid8) as status', [error?.transactionId]),
  ).toEqual([{ status: 'committed' }])
  await db.end()
  await engines.close()
  await proxy.stop()
  expect(await names()).toEqual(['kept'])
})

test('without the option the outcome is unknown, and nothing is asked before COMMIT', async () => {
  const engines = open()
  const db = engines.open()
  await db.main('t').insert({ name: 'kept' })
  using _strike = strikeAt('commit:sent', cut)
  await expect(db.main.commit()).rejects.toMatchObject({
    code: 'EL_COMMIT_UNKNOWN',
    message: expect.not.stringContaining('pg_xact_status'),
  })
  expect(db.main.state).toBe('lost')
  await db.end()
  await engines.close()
  // The server may still be about to read the abandoned COMMIT.
  await expect.poll(names).toEqual(['kept'])
})

test('a COMMIT that is not answered in time is unknown, and its connection is closed', async () => {
  const engines = open({ commitTimeoutMs: 200 })
  // A deferred trigger: the server is busy with COMMIT itself.
  await database.admin(`create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
    create constraint trigger slow after insert on t initially deferred for each row execute function slow()`)
  const db = engines.open()
  await db.main('t').insert({ name: 'slow' })
  const startedAt = performance.now()
  await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_UNKNOWN' })
  expect(performance.now() - startedAt).toBeLessThan(950)
  await db.end()
  await engines.close()
  await database.admin('drop function slow cascade')
})
