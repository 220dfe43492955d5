import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { observe } from '../channels.ts'
import { formatGid, gidApplication, parseGid } from '../commit/gid.ts'
import { INSTALL_SQL } from '../commit/install-sql.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import type { Session } from '../sessions/session-types.ts'

const TABLES = `create table t (id serial primary key, name text); ${INSTALL_SQL}`
let shop: TestDatabase
let books: TestDatabase
let toBooks: FaultProxy
let engines: ReturnType<typeof open>
const open = (application = 'refused') =>
  createEngines(
    {
      writer: engine()({ connection: shop.url, pool: { max: 1 } }),
      ledger: engine()({ connection: toBooks.url, pool: { max: 1 } }),
    },
    { application, requireTwoPhase: true },
  )

beforeAll(async () => {
  shop = await createDatabase(TABLES)
  books = await createDatabase(TABLES)
  toBooks = await startFaultProxy(books.url)
  engines = open()
})
afterEach(async () => {
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await database.admin('truncate t')
  }
})
afterAll(async () => {
  await engines.close()
  await toBooks.stop()
  await shop.drop()
  await books.drop()
})

const rows = async () =>
  Promise.all([shop, books].map(async ({ admin }) => (await admin('select from t')).length))

/** Writes on both, does something on the one that will be prepared, and commits. */
async function commitWith(act: (session: Session) => Promise<unknown>, own = engines) {
  await using db = own.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'a' })
  await act(db.writer as unknown as Session)
  return await db.commit()
}

describe('R31 PREPARE', () => {
  test.each([
    ['a temporary table is made', ['create temp table own (id int)']],
    ['a temporary table is made and dropped', ['create temp table own (id int)', 'drop table own']],
    ['a cursor WITH HOLD', ['declare own cursor with hold for select 1']],
    ['an exported snapshot', ['select pg_export_snapshot()']],
    [
      'an advisory lock of the session and the transaction at once',
      ['select pg_advisory_lock(7)', 'select pg_advisory_xact_lock(7)'],
    ],
    ['a notification that a function sends', [`select pg_notify('c', 'x')`]],
  ])('%s: refused, all is rolled back, the reason is told, and the next commit is good', async (_, texts) => {
    const act = async (session: Session) => {
      for (const text of texts) await session.query(text)
    }
    await expect(commitWith(act)).rejects.toMatchObject({
      code: 'EL_TWO_PHASE_UNAVAILABLE',
      sqlstate: '0A000',
      engine: 'writer',
      report: { mode: 'two-phase', engines: { writer: 'rolled back', ledger: 'rolled back' } },
    })
    expect(await rows()).toEqual([0, 0])
    await shop.admin(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
       and pid <> pg_backend_pid() and exists (select from pg_locks l where l.pid = pg_stat_activity.pid and locktype = 'advisory')`,
    )
    await expect.poll(() => commitWith(async () => {}).then(report => report.mode)).toBe('two-phase')
    expect(await rows()).toEqual([1, 1])
  })

  test.each([
    ['an advisory lock of the transaction', 'select pg_advisory_xact_lock(8)'],
    ['SET LOCAL', `set local search_path = pg_temp, public`],
    ['a cursor without hold', 'declare own cursor for select 1'],
    ['a large object', 'select lo_unlink(lo_create(0))'],
  ])('%s is no obstacle', async (_, text) => {
    expect(await commitWith(session => session.query(text))).toMatchObject({
      mode: 'two-phase',
      engines: { writer: 'committed', ledger: 'committed' },
    })
    expect(await rows()).toEqual([1, 1])
  })

  test('in a transaction that has failed, its error swallowed, is answered with ROLLBACK: told as that', async () => {
    const act = (session: Session) => session.query('select 1/0').catch(() => {})
    await expect(commitWith(act)).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
    expect(await rows()).toEqual([0, 0])
  })

  test("under a name that somebody has taken: all is rolled back, and the other's is left alone", async () => {
    const other = new pg.Client(shop.url)
    await other.connect()
    let taken: Promise<string> | undefined
    const stop = observe('enginelight:commit', message => {
      if (message.phase !== 'start') return
      const gid = message.participants.find(({ role }) => role === 'prepares')?.gid ?? ''
      taken = (async () => {
        await other.query(`begin; insert into t (name) values ('other')`)
        await other.query(`prepare transaction '${gid}'`)
        return gid
      })()
    })
    // The decision is on its way for long enough that the name is taken first.
    toBooks.set({ delayMs: 150 })
    await expect(commitWith(async () => {})).rejects.toMatchObject({
      code: 'EL_COMMIT_FAILED',
      sqlstate: '42710',
      report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
    })
    stop()
    toBooks.set({ delayMs: 0 })
    const gid = (await taken) ?? ''
    await other.query(`commit prepared '${gid}'`)
    await other.end()
    expect(await rows()).toEqual([1, 0])
  })

  test('the name of any application and engine is one that PostgreSQL takes, and says whose it is', async () => {
    const applications = [
      `it's "ours" \\ and; longer: than forty characters by far, ünïcode too`,
      'a'.repeat(40),
      'a'.repeat(41),
      ' ',
      `'`,
    ]
    const [transaction, location] = [
      '01234567-89ab-4cde-8f01-23456789abcd',
      'fedcba98-7654-4210-8fed-cba987654321',
    ]
    const names = applications.map(name => gidApplication(name))
    expect(new Set(names).size).toBe(applications.length)
    for (const application of names) {
      const gid = formatGid({ application, transaction, engine: 'e'.repeat(63), location })
      expect(Buffer.byteLength(gid)).toBeLessThan(200)
      expect(parseGid(gid)).toEqual({ application, transaction, engine: 'e'.repeat(63), location })
      await shop.admin(`begin; insert into t default values; prepare transaction '${gid}'`)
      await shop.admin(`rollback prepared '${gid}'`)
    }
    for (const application of applications) {
      const own = open(application)
      expect(await commitWith(async () => {}, own)).toMatchObject({ mode: 'two-phase' })
      await own.close()
    }
  })

  test('PostgreSQL takes a name of 199 bytes, and none of 200', async () => {
    const prepare = (bytes: number) =>
      shop.admin(`begin; insert into t default values; prepare transaction '${'x'.repeat(bytes)}'`)
    await expect(prepare(200)).rejects.toMatchObject({ code: '22023' })
    await shop.admin('rollback')
    await prepare(199)
    await shop.admin(`rollback prepared '${'x'.repeat(199)}'`)
  })
})
