import knexFactory from 'knex'
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import type { Finding, FindingKind } from '../model/finding.ts'
import { Page } from './testing/page.ts'
import { ownPanel, type OpenPanel } from './testing/panels.ts'

let database: TestDatabase
beforeAll(
  async () =>
    void (database = await createDatabase(
      `create table orders (id int primary key, n int);
       insert into orders select g, 0 from generate_series(1, 50) g;
       create table items (order_id int references orders deferrable initially deferred)`,
    )),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const kinds = (panel: OpenPanel) =>
  panel.findings().flatMap(({ kind }) => (kind === 'stalled' || kind === 'reconnecting' ? [] : [kind]))
const one = (panel: OpenPanel, kind: FindingKind): Finding => {
  const found = panel.findings().filter(finding => finding.kind === kind)
  expect(found).toHaveLength(1)
  return found[0]!
}
const LINE = /findings-rules-real\.test\.ts:\d+/

test('a statement beside the open transaction of plain knex, which the server did not undo with it', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 4 } })
  await using engines = createEngines({ main: engine()({ knex }) })
  const panel = await ownPanel({ engines })
  await engines.scope(
    async () => {
      const work = knex.transaction(async trx => {
        await trx('orders').where({ id: 1 }).update({ n: 5 })
        await knex('orders').where({ id: 2 }).update({ n: 5 })
        throw new Error('given up')
      })
      await expect(work).rejects.toThrow('given up')
    },
    { label: 'import' },
  )
  const kept = await database.admin<{ id: number }>('select id from orders where n = 5')
  expect(kept).toEqual([{ id: 2 }])
  const finding = one(panel, 'stray statement')
  expect(finding.sentence).toMatch(
    /^UPDATE of orders of import ran outside of its open transaction on main, at /,
  )
  expect(finding.site).toMatch(LINE)
  // The rest was rolled back as asked.
  expect(one(panel, 'nothing committed').sentence).toMatch(
    /^import committed nothing on main: its 1 write was rolled back.* \(rollback outside of sessions\)\.$/,
  )
  await engines.close()
  await knex.destroy()
})

test('a commit that the server refused, and a failure with what it took along', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const panel = await ownPanel({ engines })
  const db = engines.open({ label: 'POST /items' })
  await db.main.query('insert into items values (999)')
  await expect(db.main.commit()).rejects.toMatchObject({ cause: { code: '23503' } })
  await db.end()
  const refused = one(panel, 'commit refused')
  expect(refused.sentence).toBe(
    'The server refused the COMMIT of POST /items on main with 23503: nothing was committed.',
  )
  expect(refused.site).toMatch(LINE)
  expect(kinds(panel)).toEqual(['commit refused'])
  const other = engines.open({ label: 'POST /orders' })
  await other.main.query('update orders set n = 6 where id = 3')
  await expect(other.main.query('insert into orders values (1, 1)')).rejects.toMatchObject({ code: '23505' })
  await expect(other.main.query('select 1')).rejects.toBeDefined()
  await other.main.rollback()
  await other.end()
  const failed = one(panel, 'transaction failed')
  expect(failed.sentence).toMatch(/^A statement of POST \/orders failed with 23505 at /)
  expect(failed.why).toMatch(/olled back at .*findings-rules-real\.test\.ts:\d+: nothing was committed\.$/)
  await engines.close()
})

test('a write on a reader, and a read of what was just written elsewhere', async () => {
  await using engines = createEngines({
    main: engine()({ connection: database.url, default: true }),
    replica: engine()({ connection: database.url, access: 'read' }),
  })
  const panel = await ownPanel({ engines })
  const db = engines.open({ label: 'POST /orders' })
  await db.main.query('update orders set n = 7 where id = 7')
  await db.main.commit()
  await db.replica.query('select n from orders where id = 7')
  await db.end()
  expect(kinds(panel)).toEqual(['read after write'])
  expect(one(panel, 'read after write')).toMatchObject({
    sentence: expect.stringMatching(/^POST \/orders possibly read orders stale: on replica, at /),
    why: expect.stringContaining('Here both engines have one server'),
  })
  const writing = engines.open({ label: 'POST /wrong' })
  await expect(writing.replica.query('delete from orders where id = 7')).rejects.toMatchObject({
    code: '25006',
  })
  await writing.end()
  expect(one(panel, 'write refused').sentence).toMatch(
    /^POST \/wrong tried to write on replica, which only reads, at .*: DELETE of orders was refused \(25006\)\.$/,
  )
  await engines.close()
})

test('a burst that takes the whole pool, and one that queues on a connection of its own', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 3 } })
  await using engines = createEngines({ main: engine()({ knex, default: true }) })
  const panel = await ownPanel({ engines })
  const run = async (label: string, send: () => Promise<unknown>[]) => {
    await engines.scope(async () => void (await Promise.all(send())), { label })
  }
  await run('burst', () => [1, 2, 3, 4].map(n => knex.raw(`select pg_sleep(0.1), ${n}`)))
  expect(one(panel, 'pool filled').sentence).toMatch(
    /^burst took all 3 connections of main at once, for 4 check-outs, most of them at /,
  )
  await engines.scope(
    db => Promise.all([1, 2, 3, 4].map(n => db.main.query(`select pg_sleep(0.05), ${n}`))),
    { label: 'serial' },
  )
  expect(one(panel, 'queued').sentence).toMatch(
    /^3 statements of serial queued behind another on one connection of main, from .*; the last waited \d+ ms\.$/,
  )
  await engines.close()
  await knex.destroy()
})

test('who blocks whom: the chain is what pg_blocking_pids says, and stays when it is over', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 5 } }) })
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)
  const [a, b, c] = ['POST /a', 'POST /b', 'POST /c'].map(label => engines.open({ label }))
  await a!.main.query('update orders set n = 8 where id = 8')
  await b!.main.query('update orders set n = 9 where id = 9')
  const second = b!.main.query('update orders set n = 9 where id = 8')
  await sleep(50)
  const third = c!.main.query('update orders set n = 9 where id = 9')
  // Nobody opened a view that asks the servers: a statement that is not answered is reason enough.
  const blocked = () => [...page.findings.values()].filter(({ kind }) => kind === 'blocked')
  await page.until(() => blocked().length === 2, 10_000)
  const [first, last] = blocked().toSorted((x, y) => x.since - y.since)
  expect(first?.sentence).toMatch(
    /^POST \/b waits for POST \/a \(pid \d+, idle in a transaction for [\d.]+ m?s, after UPDATE of orders at .*findings-rules-real\.test\.ts:\d+\): its UPDATE of orders needs a row of orders, for /,
  )
  expect(last?.sentence).toMatch(
    /^POST \/c waits for POST \/b \(pid \d+, executing.*\), which waits for POST \/a \(/,
  )
  const said = await database.admin<{ pid: number; by: number[] }>(
    `select pid, pg_blocking_pids(pid) as by from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0 and datname = current_database()`,
  )
  const pids = [first, last].map(finding => Number(/\(pid (\d+)/.exec(finding?.sentence ?? '')?.[1]))
  expect(said.flatMap(({ by }) => by).toSorted()).toEqual(pids.toSorted())
  await a!.main.rollback()
  await second
  await b!.main.rollback()
  await third
  await c!.main.rollback()
  await page.until(() => blocked().every(({ isOver }) => isOver), 10_000)
  expect(blocked().map(({ sentence }) => sentence)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^POST \/b waited for POST \/a .* or longer\.$/)]),
  )
  await Promise.all([a, b, c].map(db => db!.end()))
  await page.close()
  await engines.close()
})

test('a request that waits for itself is told before its time is up, and its card names a leak as one', async () => {
  const knex = knexFactory({
    client: 'pg',
    connection: database.url,
    pool: { min: 0, max: 1 },
    acquireConnectionTimeout: 900,
  })
  await using engines = createEngines({ main: engine()({ knex }) })
  const panel = await ownPanel({ engines })
  const nested = engines.scope(
    () =>
      knex.transaction(async trx => {
        await trx.raw('select 1')
        await knex.raw('select 2')
      }),
    { label: 'nested' },
  )
  const ended = expect(nested).rejects.toThrow(/acquir/)
  await sleep(400)
  expect(one(panel, 'nested check-out')).toMatchObject({
    sentence: expect.stringMatching(/^nested holds 1 connection of main, taken at .*, and waits for /),
    why: 'It waits for itself: nothing else can give one back.',
  })
  await ended
  expect(one(panel, 'check-out failed').why).toMatch(/^nested \(.*\) held one and waited for another/)
  let leaked: { rollback(): Promise<unknown> } | undefined
  await engines.scope(async () => void (leaked = await knex.transaction()), { label: 'leaky' })
  await sleep(300)
  await expect(
    engines.scope(async () => void (await knex.raw('select 3')), { label: 'victim' }),
  ).rejects.toThrow(/acquir/)
  const card = panel
    .findings()
    .find(({ kind, sentence }) => kind === 'check-out failed' && sentence.startsWith('victim'))
  expect(card?.why).toMatch(
    /^Its holder was over: leaky \(.*\) had ended and not given its connection back\.$/,
  )
  await leaked?.rollback()
  await engines.close()
  await knex.destroy()
})

test('knex hands a connection on twice after a raw stream: both lines are named, and streams alone raise nothing', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
  await using engines = createEngines({ main: engine()({ knex }) })
  const panel = await ownPanel({ engines })
  const reading = (rows: number) =>
    engines.scope(
      async () => {
        for await (const _ of knex.raw('select generate_series(1, ?::int) as x', [rows]).stream());
      },
      { label: 'export' },
    )
  await reading(50)
  expect(kinds(panel)).not.toContain('shared connection')
  const writing = () =>
    engines.scope(async () => void (await knex.transaction(async trx => void (await trx.raw('select 1')))), {
      label: 'write',
    })
  await Promise.allSettled([reading(50), writing(), reading(50), writing()])
  const found = panel.findings().filter(({ kind }) => kind === 'shared connection')
  expect(found.length).toBeGreaterThan(0)
  for (const { sentence, site } of found) {
    expect(site).toMatch(LINE)
    expect(sentence).toMatch(
      /^(export|write) \(.*:\d+\) got connection c\d+ of main while a statement of (export|write) \(.*:\d+\) still ran on it: two holders have it\.$/,
    )
  }
  await engines.close()
  await knex.destroy()
})

test('a healthy load on a small pool raises none of what would be wrong', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
  await using engines = createEngines({
    pool: engine()({ pool }),
    knex: engine()({ knex }),
    main: engine()({ connection: database.url, pool: { max: 2 }, default: true }),
  })
  const panel = await ownPanel({ engines })
  const works: ((n: number) => Promise<unknown>)[] = [
    n => pool.query('select n from orders where id = $1', [n]),
    n => knex('orders').where({ id: n }).update({ n: 1 }),
    n => knex.transaction(trx => trx('orders').where({ id: n }).first()),
    async n => {
      const db = engines.current
      await db.main.query('update orders set n = 2 where id = $1', [n])
      for await (const _ of db.main('orders').where('id', '<', 4).stream());
      await db.main.commit()
    },
  ]
  await Promise.all(
    Array.from({ length: 120 }, (_, n) =>
      engines.scope(async () => void (await works[n % works.length]!(1 + (n % 50))), { label: `job ${n}` }),
    ),
  )
  // What a slow machine adds is so; these would be wrong.
  const wrong = new Set<FindingKind>([
    'shared connection',
    'stray statement',
    'nested check-out',
    'read after write',
    'nothing committed',
    'commit forgotten',
    'pool filled',
    'queued',
    'context lost',
    'leak',
  ])
  expect(kinds(panel).filter(kind => wrong.has(kind))).toEqual([])
  await engines.close()
  await Promise.all([pool.end(), knex.destroy()])
})
