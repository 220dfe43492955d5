import knexFactory from 'knex'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engineReports } from '../channels/engine-reports.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
const warnings: (Error & { code?: string })[] = []
const onWarning = (warning: Error) => void warnings.push(warning)
beforeAll(async () => void (database = await createDatabase()))
beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(() => void process.off('warning', onWarning))
afterAll(async () => {
  await expectBackends(database, 0)
  await database.drop()
})

const told = () =>
  warnings
    .filter(({ code }) => code === 'EL_HELD_LONG')
    .map(({ message }) => /pid (\d+)/.exec(message)?.[1])
    .toSorted()
const sent = async (client: pg.PoolClient, ...texts: string[]) => {
  for (const text of texts) await client.query(text)
}
const byCallback = (client: pg.PoolClient, text: string) =>
  new Promise<void>((resolve, reject) => client.query(text, error => (error ? reject(error) : resolve())))

type Way = (client: pg.PoolClient) => Promise<unknown>

/** Held for long by design. */
const KEPT: Record<string, Way> = {
  'listens on jobs': client => sent(client, 'LISTEN jobs'),
  'listens on mail': client => byCallback(client, 'listen mail'),
  'listens on a, B': client => sent(client, '/* app */ listen a; listen "B"; listen c; unlisten c'),
  'listens on named': client => client.query({ text: 'listen named', name: 'el_listen' }),
  'holds an advisory lock': client => sent(client, 'select pg_advisory_lock(1)'),
  'holds 2 advisory locks': client =>
    sent(
      client,
      'select pg_try_advisory_lock(2) as won',
      'select pg_advisory_lock_shared(3), pg_advisory_lock(4)',
      'select pg_advisory_unlock(4)',
    ),
  'holds open the cursor rows': client =>
    sent(client, 'begin', 'declare rows cursor with hold for select 1', 'commit'),
  'listens on jobs and holds an advisory lock': client =>
    sent(client, 'listen jobs', 'select pg_advisory_lock($$5$$::int)'),
}

/** Held for long, but not by design. */
const NOT_KEPT: Record<string, Way> = {
  nothing: client => sent(client, 'select 1'),
  'a lock that another has': client => sent(client, 'select pg_try_advisory_lock(1)'),
  'a lock of a transaction': client => sent(client, 'begin', 'select pg_advisory_xact_lock(9)', 'commit'),
  unlistened: client => sent(client, 'listen jobs', 'unlisten jobs'),
  'unlistened altogether': client => sent(client, 'listen jobs', 'listen mail', 'UNLISTEN *'),
  unlocked: client =>
    sent(client, 'select pg_advisory_lock(6), pg_advisory_lock(7)', 'select pg_advisory_unlock_all()'),
  discarded: client => sent(client, 'listen jobs', 'select pg_advisory_lock(8)', 'discard all'),
  closed: client => sent(client, 'begin', 'declare c cursor with hold for select 1', 'commit', 'close c'),
  'closed altogether': client =>
    sent(client, 'begin', 'declare c cursor with hold for select 1', 'commit', 'CLOSE ALL'),
  'a cursor of a transaction': client => sent(client, 'begin', 'declare c cursor for select 1', 'commit'),
  'listening that failed': client => sent(client, 'listen 1').catch(() => {}),
  'idle in a transaction, though it listens': client => sent(client, 'listen jobs', 'begin'),
  'a cursor of the driver': async client => {
    const cursor = client.query(new Cursor('select 1'))
    await cursor.read(10)
    await cursor.close()
  },
}

test.each(['heard', 'unheard'])(
  'a connection that listens, or keeps a lock or a cursor, is no leak, and one that does so no more is: %s',
  async how => {
    await using pool = ending(new pg.Pool({ connectionString: database.url, max: 30 }))
    await using _engines = createEngines({
      main: engine()({ pool, heldWarningMs: 500, idleInTransactionWarningMs: 500 }),
    })
    const { stop } = how === 'heard' ? listen() : { stop: () => {} }
    const clients = await Promise.all(
      Object.values({ ...KEPT, ...NOT_KEPT }).map(
        () => pool.connect() as Promise<pg.PoolClient & { processID: number }>,
      ),
    )
    const ways = Object.entries({ ...KEPT, ...NOT_KEPT })
    // One after the other, because the second asks for the first one's lock.
    for (const [index, [, way]] of ways.entries()) await way(clients[index]!)
    const pids = clients.map(({ processID }) => String(processID))
    await sleep(1_300)
    const leaks = pids.slice(Object.keys(KEPT).length)
    expect(told()).toEqual(leaks.toSorted())
    const { connections } = engineReports().at(-1)!
    const keptFor = pids.map(pid => connections.find(one => String(one.backendPid) === pid)?.holder?.keptFor)
    expect(keptFor.slice(0, Object.keys(KEPT).length)).toEqual(Object.keys(KEPT))
    for (const client of clients) client.release(true)
    stop()
  },
)

test('a pool that is full of those says by what it is full', async () => {
  await using knex = ending(knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } }))
  await using engines = createEngines({
    main: engine()({ knex, heldWarningMs: 300, checkoutTimeoutMs: 200 }),
  })
  const held = [await knex.client.acquireConnection(), await knex.client.acquireConnection()]
  await knex.raw('listen jobs').connection(held[0])
  await held[1].query('select pg_advisory_lock(10)')
  const full = engines.run(db => db.main.query('select 1'))
  await expect(full).rejects.toMatchObject({
    code: 'EL_CHECKOUT_TIMEOUT',
    message: expect.stringMatching(
      /2 of 2 connections .*idle \d+ ms, listens on jobs, .*idle \d+ ms, holds an advisory lock, /,
    ),
    holders: [{ keptFor: 'listens on jobs' }, { keptFor: 'holds an advisory lock' }],
  })
  await sleep(700)
  expect(told()).toEqual([])
  for (const connection of held) await knex.client.releaseConnection(connection)
})

test('observers are told what a connection is kept for, and that it is over', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using _engines = createEngines({ main: engine()({ pool }) })
  const { messages, stop } = listen('checkout')
  const client = await pool.connect()
  await sent(client, 'listen jobs', 'listen jobs', 'select 1', 'unlisten *')
  client.release()
  stop()
  const kept = messages.flatMap(one =>
    one.channel === 'enginelight:checkout' && one.phase === 'kept' ? [one.keptFor] : [],
  )
  expect(kept).toEqual(['listens on jobs', null])
})
