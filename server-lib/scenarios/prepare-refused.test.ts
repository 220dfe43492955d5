import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { observe } from '../channels/channels.ts'
import { formatGid, gidApplication, parseGid } from '../commit/gid.ts'
import { createEngines, engine } from '../index.ts'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { shopAndBooks } from '../testing/shop-and-books.ts'
import type { Session } from '../sessions/session-types.ts'

const two = shopAndBooks()
let toBooks: FaultProxy
let engines: ReturnType<typeof open>
const open = (application = 'refused') =>
  createEngines(
    {
      writer: engine()({ connection: two.shop.url, pool: { max: 1 } }),
      ledger: engine()({ connection: toBooks.url, pool: { max: 1 } }),
    },
    { application, requireTwoPhase: true },
  )

beforeAll(async () => {
  toBooks = await startFaultProxy(two.books.url)
  engines = open()
})
afterAll(async () => {
  await engines.close()
  await toBooks.stop()
})

const rows = async () =>
  Promise.all([two.shop, two.books].map(async ({ admin }) => (await admin('select from t')).length))

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
    await two.shop.admin(
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
    const other = new pg.Client(two.shop.url)
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
      await two.shop.admin(`begin; insert into t default values; prepare transaction '${gid}'`)
      await two.shop.admin(`rollback prepared '${gid}'`)
    }
    for (const application of applications) {
      await using own = open(application)
      expect(await commitWith(async () => {}, own)).toMatchObject({ mode: 'two-phase' })
    }
  })

  test('PostgreSQL takes a name of 199 bytes, and none of 200', async () => {
    const prepare = (bytes: number) =>
      two.shop.admin(`begin; insert into t default values; prepare transaction '${'x'.repeat(bytes)}'`)
    await expect(prepare(200)).rejects.toMatchObject({ code: '22023' })
    await two.shop.admin('rollback')
    await prepare(199)
    await two.shop.admin(`rollback prepared '${'x'.repeat(199)}'`)
  })
})

test('R30 a decision row that cannot be written, as on a full disk: nothing was prepared, and all is rolled back', async () => {
  await two.books.admin(`create function full_disk() returns trigger language plpgsql as
      $$ begin raise exception using errcode = '53100', message = 'could not extend file'; end $$;
    create trigger full_disk before insert on enginelight_decision for each row execute function full_disk()`)
  const steps: string[] = []
  const stop = observe('enginelight:commit', message => {
    if (message.phase === 'step started') steps.push(message.step)
  })
  await expect(commitWith(async () => {})).rejects.toMatchObject({
    code: 'EL_COMMIT_FAILED',
    sqlstate: '53100',
    engine: 'ledger',
    report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
  })
  stop()
  expect(steps).not.toContain('prepare')
  await two.books.admin('drop function full_disk cascade')
  expect(await rows()).toEqual([0, 0])
  expect(await commitWith(async () => {})).toMatchObject({ mode: 'two-phase' })
})
