import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import pg from 'pg'
import { observe, observedEngines, type Reporting } from '../../../server-lib/channels/index.ts'
import { createEngines, engine, type Engines } from '../../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../../server-lib/testing/database.ts'
import { expectQuiet } from '../../../server-lib/testing/ground-truth.ts'
import type { EngineTruth, ServerTruth } from '../../model/protocol.ts'
import { Page } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'
import { askServers } from './index.ts'

let database: TestDatabase
beforeAll(
  async () =>
    void (database = await createDatabase(
      'create table stock (id int primary key); insert into stock values (1), (2); create table shelf (id int)',
    )),
)
let engines: Engines<any> | undefined
afterEach(async () => {
  await engines?.close()
  await expectQuiet(database)
})
afterAll(() => database.drop())

type Asked = Extract<EngineTruth, { prepared: unknown }>

test('what is prepared, and who locks and waits for what, is what pg_prepared_xacts and pg_locks say', async () => {
  await using made = createEngines({
    writer: engine()({ connection: database.url, pool: { max: 5 }, default: true }),
    warehouse: engine()({ connection: database.url, pool: { max: 2 } }),
  })
  engines = made
  // Transactions are followed only while something listens, as the panel does.
  onTestFinished(observe('enginelight:transaction', () => {}))
  const client = new pg.Client(database.url)
  await client.connect()
  const eye = { query: async (text: string) => (await client.query(text)).rows as unknown[] }
  await using holder = made.open()
  await using waiter = made.open()
  await holder.writer.query('update stock set id = 1 where id = 1')
  await eye.query('begin')
  await eye.query('update stock set id = 2 where id = 2')
  await eye.query(`prepare transaction 'somebody''s own'`)
  await eye.query('begin')
  await eye.query('insert into shelf values (1)')
  await eye.query(`prepare transaction 'another'`)
  // Its BEGIN is pipelined with it, so the server has not yet reported an open transaction.
  const waiting = waiter.writer.query('update stock set id = $1 where id = 1', [1])
  const blocked = `select pid from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0 and datname = current_database()`
  await expect.poll(() => eye.query(blocked)).toHaveLength(1)

  const [writer, warehouse] = (await askServers()) as [Asked, Asked]
  const pids = (await eye.query(
    `select pid from pg_stat_activity where datname = current_database() and state like 'idle in%' and pid <> pg_backend_pid() or cardinality(pg_blocking_pids(pid)) > 0 and pid <> pg_backend_pid() order by pid`,
  )) as { pid: number }[]
  expect(writer.open.map(({ pid }) => pid).toSorted()).toEqual(pids.map(({ pid }) => pid))
  expect(warehouse.open).toEqual([])
  const [{ pid: waits }] = (await eye.query(blocked)) as [{ pid: number }]
  const { pid: holds } = pids.find(({ pid }) => pid !== waits) as { pid: number }
  const of = (pid: number) => writer.open.find(one => one.pid === pid)
  expect(of(holds)).toEqual({ pid: holds, locks: [['stock', 'RowExclusiveLock', true]], blockedBy: [] })
  expect(of(waits)).toEqual({
    pid: waits,
    locks: [
      ['transactionid', 'ShareLock', false],
      ['stock', 'RowExclusiveLock', true],
      ['tuple of stock', 'ExclusiveLock', true],
    ],
    blockedBy: [holds],
  })
  const xacts = (await eye.query(
    `select gid, owner, extract(epoch from now() - prepared) * 1000 as age from pg_prepared_xacts where database = current_database() order by prepared`,
  )) as { gid: string; owner: string; age: string }[]
  expect(writer.prepared).toEqual(
    xacts.map(({ gid, owner }) => ({
      gid,
      owner,
      ageMs: expect.any(Number),
      locks: [[gid === 'another' ? 'shelf' : 'stock', 'RowExclusiveLock', true]],
    })),
  )
  expect(xacts.map(({ gid }) => gid)).toEqual(["somebody's own", 'another'])
  expect(Math.abs((writer.prepared[0]?.ageMs ?? 0) - Number(xacts[0]?.age))).toBeLessThan(1_000)
  expect(warehouse.prepared).toEqual(writer.prepared)

  await holder.end()
  await waiting
  // Now it waits for the prepared transaction, which has no process.
  const second = waiter.writer.query('update stock set id = 2 where id = 2')
  await expect.poll(() => eye.query(blocked)).toHaveLength(1)
  const [later] = (await askServers()) as [Asked]
  expect(later.open.map(({ blockedBy }) => blockedBy)).toEqual([[0]])
  await eye.query(`rollback prepared 'somebody''s own'`)
  await eye.query(`rollback prepared 'another'`)
  await second
  await waiter.end()
  await client.end()
})

test('a database is asked over whichever of its engines has a connection to spare; one that has none says why', async () => {
  await using made = createEngines({
    writer: engine()({ connection: database.url, pool: { max: 2 }, default: true }),
    reader: engine()({ connection: database.url, pool: { max: 2 }, access: 'read' }),
  })
  engines = made
  await using db = made.open()
  await db.writer.query('select * from stock')
  const both = (await askServers()) as [Asked, Asked]
  expect(both.map(one => [one.engine, one.open?.length])).toEqual([
    ['writer', 1],
    ['reader', 0],
  ])
  await db.reader.query('select * from stock')
  expect(await askServers()).toEqual([
    { engine: 'writer', unasked: 'all connections but one are in use' },
    { engine: 'reader', unasked: 'all connections but one are in use' },
  ])
  await db.end()
})

const truths = (page: Page) =>
  page.messages.filter((message): message is ServerTruth => message.type === 'truth')
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

test('the servers are asked while a page that is seen wants to know, and not else', async () => {
  await using made = createEngines({
    writer: engine()({ connection: database.url, pool: { max: 2 }, default: true }),
  })
  engines = made
  const [observed] = observedEngines()
  const ask = vi.spyOn(observed as Required<Reporting>, 'ask')
  const panel = await ownPanel({ engines: made })
  const page = await Page.open(panel.url)
  const other = await Page.open(panel.url)
  await page.until(() => page.stats.length > 2)
  expect(truths(page)).toEqual([])
  expect(ask).not.toHaveBeenCalled()
  page.send({ type: 'watch', truth: true })
  await page.until(() => truths(page).length >= 2, 6_000)
  expect(truths(page)[0]?.engines).toEqual([
    { engine: 'writer', askedMs: expect.any(Number), prepared: [], open: [] },
  ])
  expect(truths(other)).toEqual([])
  page.send({ type: 'vis', visible: false })
  await pause(100)
  const before = truths(page).length
  const asked = ask.mock.calls.length
  await pause(2_500)
  expect([truths(page).length, ask.mock.calls.length]).toEqual([before, asked])
  page.send({ type: 'vis', visible: true })
  await page.until(() => truths(page).length > before, 6_000)
  page.send({ type: 'watch', truth: false })
  await pause(200)
  const last = truths(page).length
  await pause(2_300)
  expect(truths(page).length).toBe(last)
  await Promise.all([page.close(), other.close()])
})
