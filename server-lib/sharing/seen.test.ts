import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet, untilRuns } from '../testing/ground-truth.ts'
import { openHost, type TestHost } from '../testing/host.ts'
import { listen } from '../testing/story.ts'
import { borrow } from './index.ts'

let database: TestDatabase
let host: TestHost

beforeAll(async () => {
  database = await createDatabase('create table notes (id serial primary key, body text not null unique)')
  host = openHost(database)
})
afterEach(async () => {
  if (host.current) await host.rollback()
  await expectQuiet(database)
})
afterAll(async () => {
  await host.close()
  await database.drop()
})

/** The host's pool is watched too: its connection has two owners, and each statement has one. */
function open() {
  const from = borrow({ connection: () => host.current })
  const engines = createEngines({ orm: engine()({ pool: host.pool }), borrowed: from.engine })
  return { from, engines }
}

test('a statement is told once, by whoever sends it, and the transaction by its host', async () => {
  const { from, engines } = open()
  const { told, messages, stop } = listen('checkout', 'statement', 'transaction')
  try {
    await engines.scope(async () => {
      const client = await host.begin()
      await client.query("insert into notes (body) values ('host')")
      await engines.current.borrowed('notes').insert({ body: 'session' })
      await from.knex('notes').select('body')
      await engines.current.borrowed.savepoint(() => engines.current.borrowed('notes').del())
      await host.commit()
    })
  } finally {
    stop()
    await engines.close()
  }
  expect(told()).toEqual([
    'checkout orm start',
    'checkout orm acquired',
    'statement BEGIN',
    'answer BEGIN',
    'transaction start',
    "statement insert into notes (body) values ('host')",
    'answer INSERT',
    'checkout borrowed start',
    'checkout borrowed acquired',
    'statement insert into "notes" ("body") values ($1)',
    'answer INSERT',
    'checkout borrowed released',
    'checkout borrowed start',
    'checkout borrowed acquired',
    'statement select "body" from "notes"',
    'answer SELECT',
    'checkout borrowed released',
    'checkout borrowed start',
    'checkout borrowed acquired',
    expect.stringMatching(/^statement SAVEPOINT /),
    'answer SAVEPOINT',
    'statement delete from "notes"',
    'answer DELETE',
    expect.stringMatching(/^statement RELEASE /),
    'answer RELEASE',
    'checkout borrowed released',
    'statement COMMIT',
    'answer COMMIT',
    'transaction committed',
    'checkout orm released',
  ])
  const acquired = messages.flatMap(one =>
    one.channel === 'enginelight:checkout' && one.phase === 'acquired' ? [one] : [],
  )
  expect(new Set(acquired.map(({ backendPid }) => backendPid)).size).toBe(1)
  const requests = messages.flatMap(one => ('request' in one ? [one.request] : []))
  expect(new Set(requests).size).toBe(1)
})

test('where its server is, is told when its host shows it', async () => {
  const { messages, stop } = listen('engine')
  const { engines } = open()
  await host.begin()
  await using db = engines.open()
  await db.borrowed.query('select 1')
  await db.borrowed.query('select 2')
  stop()
  const described = messages.flatMap(one =>
    'description' in one && one.engine === 'borrowed' ? [one.description.database] : [],
  )
  expect(described).toEqual([null, database.name])
  await host.rollback()
  await db.end()
  await engines.close()
})

test('the identity of its session is the backend of the host, which the server confirms', async () => {
  const { engines } = open()
  await using db = engines.open()
  await host.begin()
  let identity
  await db.borrowed.savepoint(async () => {
    await db.borrowed.query('select 1')
    identity = db.borrowed.identity
  })
  const pid = (host.current as unknown as { processID: number }).processID
  expect(identity).toMatchObject({ engine: 'borrowed', backendPid: pid })
  expect(db.borrowed.identity).toBeUndefined()
  expect(db.status).toEqual({ orm: 'initialized', borrowed: 'started' })
  expect(await database.admin('select state from pg_stat_activity where pid = $1', [pid])).toEqual([
    { state: 'idle in transaction' },
  ])
  await host.rollback()
  await db.end()
  expect(db.status.borrowed).toBe('ended')
  await engines.close()
})

test('db.commit() and the end of the request leave the transaction to the host', async () => {
  const { engines } = open()
  await host.begin()
  {
    await using db = engines.open()
    await db.borrowed('notes').insert({ body: 'of the host alone' })
    expect(await db.commit()).toMatchObject({ mode: 'nothing', engines: { orm: 'untouched' } })
    db.doom()
    await db.borrowed('notes').insert({ body: 'still' })
  }
  expect(await database.admin('select body from notes')).toHaveLength(0)
  await host.commit()
  expect(await database.admin('select body from notes')).toHaveLength(2)
  await engines.close()
})

test('a request that is aborted cancels its own statement, and the host goes on', async () => {
  const { engines } = open()
  const client = await host.begin()
  await client.query("insert into notes (body) values ('of a host that goes on')")
  const abort = new AbortController()
  const db = engines.open({ signal: abort.signal })
  const running = expect(db.borrowed.query('select pg_sleep(5)')).rejects.toMatchObject({ code: 'EL_ENDED' })
  await untilRuns(database, 'pg_sleep(5)')
  const before = performance.now()
  abort.abort()
  await running
  const found = await client.query("select 1 from notes where body = 'of a host that goes on'")
  expect(found.rowCount).toBe(1)
  expect(performance.now() - before).toBeLessThan(2_000)
  expect(await host.commit()).toBe('COMMIT')
  await engines.close()
})

test('a statement that takes too long is cancelled, and the host goes on', async () => {
  const from = borrow({ connection: () => host.current })
  await using engines = createEngines({ borrowed: engine()({ borrowed: from, statementTimeoutMs: 300 }) })
  const client = await host.begin()
  await using db = engines.open()
  await expect(db.borrowed.query('select pg_sleep(5)')).rejects.toMatchObject({
    code: 'EL_STATEMENT_TIMEOUT',
  })
  expect((await client.query('select 1 one')).rows).toEqual([{ one: 1 }])
  expect(await db.borrowed.query('select 2 two')).toMatchObject({ rows: [{ two: 2 }] })
  expect(await host.commit()).toBe('COMMIT')
  await db.end()
})
