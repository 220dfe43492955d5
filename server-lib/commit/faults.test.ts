import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { BLACK_HOLE, HEALTHY, startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { COMMIT_POINTS, strikeAt } from '../identity/fault-points.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { startPostgres, type RunningPostgres } from '../testing/postgres.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'

const TABLES = `
  create table t (id int primary key);
  create table child (parent int references t deferrable initially deferred);
  ${INSTALL_SQL}
`

let shop: TestDatabase
let books: TestDatabase
let toShop: FaultProxy
let toBooks: FaultProxy
let unable: RunningPostgres
let old: TestDatabase
const open = () =>
  createEngines({
    writer: engine()({ connection: toShop.url, default: true, pool: { max: 2 }, commitTimeoutMs: 2_000 }),
    ledger: engine()({ connection: toBooks.url, pool: { max: 2 }, commitTimeoutMs: 2_000 }),
  })
let engines: ReturnType<typeof open>
let key = 0
const warnings: { code?: string; message: string }[] = []
const onWarning = (warning: Error) => void warnings.push(warning)

beforeAll(async () => {
  process.on('warning', onWarning)
  shop = await createDatabase(TABLES)
  books = await createDatabase(TABLES)
  toShop = await startFaultProxy(shop.url)
  toBooks = await startFaultProxy(books.url)
  unable = await startPostgres({ settings: { max_prepared_transactions: 0 } })
  old = await createDatabase(TABLES, unable.url)
  engines = open()
})
afterEach(async () => {
  for (const proxy of [toShop, toBooks]) {
    await proxy.accept()
    proxy.set(HEALTHY)
  }
  warnings.length = 0
})
afterAll(async () => {
  process.off('warning', onWarning)
  await engines.close()
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await expectBackends(database, 0)
    expect(
      await database.admin('select gid from pg_prepared_xacts where database = current_database()'),
    ).toEqual([])
  }
  for (const proxy of [toShop, toBooks]) await proxy.stop()
  for (const database of [shop, books, old]) await database.drop()
  await unable.stop()
})

/** A row on both, and its key. */
async function writeBoth(): Promise<{ db: ReturnType<typeof engines.open>; id: number }> {
  const db = engines.open()
  const id = ++key
  await db.writer('t').insert({ id })
  await db.ledger('t').insert({ id })
  return { db, id }
}

/** The engines that have the row. */
async function whoHas(id: number): Promise<string> {
  const [inShop] = await shop.admin('select 1 from t where id = $1', [id])
  const [inBooks] = await books.admin('select 1 from t where id = $1', [id])
  return inShop ? (inBooks ? 'both' : 'writer') : inBooks ? 'ledger' : 'none'
}

/** Only of these databases, because other tests use the same server. */
const prepared = async () =>
  (
    await shop.admin('select gid from pg_prepared_xacts where database = any($1)', [[shop.name, books.name]])
  ).map(({ gid }) => gid)
const destroy = (driver: unknown) =>
  void (driver as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()

describe('the network takes', () => {
  test('the answer to the decision: it is found out, and all are committed', async () => {
    const { db, id } = await writeBoth()
    toBooks.once('COMMIT', 'reset', { from: 'server' })
    expect(await db.commit()).toMatchObject({ engines: { writer: 'committed', ledger: 'committed' } })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['both', []])
  })

  test('the decision itself: it is found out, and all are rolled back', async () => {
    const { db, id } = await writeBoth()
    toBooks.once('COMMIT', 'reset')
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_CONNECTION_LOST',
      report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
    })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['none', []])
  })

  test('the answer to PREPARE: all are rolled back, what is prepared too', async () => {
    const { db, id } = await writeBoth()
    toShop.once('PREPARE', 'reset', { from: 'server' })
    await expect(db.commit()).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST', engine: 'writer' })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['none', []])
  })

  test('the answer to COMMIT PREPARED: it is committed on another connection', async () => {
    const { db, id } = await writeBoth()
    toShop.once('COMMIT PREPARED', 'reset')
    expect(await db.commit()).toMatchObject({ engines: { writer: 'committed', ledger: 'committed' } })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['both', []])
  })

  test('the decision row: nothing is prepared, and all are rolled back', async () => {
    const { db, id } = await writeBoth()
    toBooks.once('enginelight_decision', 'reset')
    await expect(db.commit()).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['none', []])
  })

  test('a participant once all is decided: committed, pending, until it is there again', async () => {
    const { db, id } = await writeBoth()
    using _strike = strikeAt('end-prepared:sent', driver => {
      toShop.set(BLACK_HOLE)
      void toShop.refuse()
      destroy(driver)
    })
    // The strike comes after the statement is sent, so it may have arrived.
    toShop.once('COMMIT PREPARED', 'reset')
    expect(await db.commit()).toMatchObject({
      engines: { writer: 'committed, pending', ledger: 'committed' },
    })
    await db.end()
    expect(await whoHas(id)).toBe('ledger')
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'EL_IN_DOUBT' }))
    toShop.set(HEALTHY)
    await toShop.accept()
    await vi.waitFor(async () => expect([await whoHas(id), await prepared()]).toEqual(['both', []]), 10_000)
  })

  test('the one that holds the decision, for good: unknown, and what is prepared stays', async () => {
    const { db, id } = await writeBoth()
    using _strike = strikeAt('commit:sent', driver => {
      toBooks.set(BLACK_HOLE)
      void toBooks.refuse()
      destroy(driver)
    })
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_COMMIT_UNKNOWN',
      unknown: ['writer', 'ledger'],
      report: { engines: { writer: 'unknown', ledger: 'unknown' } },
    })
    await db.end()
    expect(await whoHas(id)).not.toBe('writer')
    const [gid] = await prepared()
    expect(gid).toMatch(/^enginelight:unnamed:/)
    await shop.admin(`rollback prepared '${gid}'`)
    await books.admin(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await books.admin('delete from enginelight_decision')
    await books.admin('delete from t where id = $1', [id])
  })
})

test('a backend is ended before the commit: told as that, and all are rolled back', async () => {
  const { db, id } = await writeBoth()
  await shop.admin('select pg_terminate_backend($1)', [db.writer.identity?.backendPid])
  await expect(db.commit()).rejects.toMatchObject({
    code: 'EL_CONNECTION_LOST',
    report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
  })
  await db.end()
  expect(await whoHas(id)).toBe('none')
})

describe('an instant', () => {
  for (const point of [...COMMIT_POINTS, 'commit:due', 'commit:sent', 'commit:answered'] as const) {
    test(`a connection is lost at ${point}: all or none, as told`, async () => {
      const { db, id } = await writeBoth()
      using _strike = strikeAt(point, destroy)
      const told = await db.commit().then(
        () => 'both',
        () => 'none',
      )
      await db.end()
      await expect.poll(prepared).toEqual([])
      expect(await whoHas(id)).toBe(told)
    })
  }
})

describe('the server', () => {
  test('refuses to prepare (pg_notify on both): a clean rollback, and why', async () => {
    const { db, id } = await writeBoth()
    await db.writer.query(`select pg_notify('c', 'x')`)
    await db.ledger.query(`select pg_notify('c', 'x')`)
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_TWO_PHASE_UNAVAILABLE',
      sqlstate: '0A000',
      engine: 'writer',
    })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['none', []])
  })

  test('cannot prepare one (NOTIFY): that one is last', async () => {
    const { db, id } = await writeBoth()
    await db.writer.query('notify c')
    expect(await db.commit()).toMatchObject({ mode: 'two-phase' })
    await db.end()
    expect([await whoHas(id), await prepared()]).toEqual(['both', []])
  })

  test('cannot prepare at all: that one is last; two of them are committed one after the other', async () => {
    await using some = createEngines({
      one: engine()({ connection: old.url, pool: { max: 1 } }),
      two: engine()({ connection: old.url, pool: { max: 1 } }),
      ledger: engine()({ connection: toBooks.url, pool: { max: 1 } }),
    })
    const id = ++key
    await using db = some.open()
    await db.one('t').insert({ id })
    await db.ledger('t').insert({ id })
    expect(await db.commit()).toMatchObject({ mode: 'two-phase', engines: { one: 'committed' } })
    await db.one('t').insert({ id: ++key })
    await db.two('t').insert({ id: ++key })
    expect(await db.commit()).toMatchObject({
      mode: 'sequential',
      engines: { one: 'committed', two: 'committed' },
    })
    expect(warnings.filter(({ code }) => code === 'EL_SEQUENTIAL_COMMIT')).toHaveLength(1)
    await db.end()
  })

  test('cannot prepare, and requireTwoPhase: refused, and nothing is committed', async () => {
    await using strict = createEngines(
      {
        one: engine()({ connection: old.url, pool: { max: 1 } }),
        two: engine()({ connection: old.url, pool: { max: 1 } }),
      },
      { requireTwoPhase: true },
    )
    await using db = strict.open()
    await db.one('t').insert({ id: ++key })
    await db.two('t').insert({ id: ++key })
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_TWO_PHASE_UNAVAILABLE',
      message: expect.stringContaining('max_prepared_transactions is 0'),
      report: { engines: { one: 'rolled back', two: 'rolled back' } },
    })
    await db.end()
    await strict.close()
    expect(await old.admin('select from t where id >= $1', [key - 1])).toHaveLength(0)
  })

  test('has no room for another prepared transaction: a clean rollback, and why', async () => {
    const full = await startPostgres({ settings: { max_prepared_transactions: 1 } })
    const one = await createDatabase(TABLES, full.url)
    await using some = createEngines({
      one: engine()({ connection: one.url, pool: { max: 1 } }),
      ledger: engine()({ connection: books.url, pool: { max: 1 } }),
    })
    await one.admin(`begin; insert into t values (-1); prepare transaction 'in the way'`)
    const id = ++key
    await using db = some.open()
    await db.one('t').insert({ id })
    await db.ledger('t').insert({ id })
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_TWO_PHASE_UNAVAILABLE',
      sqlstate: '53200',
      message: expect.stringContaining('no room for another prepared transaction'),
    })
    expect(await whoHas(id)).toBe('none')
    await db.end()
    await some.close()
    await one.admin(`rollback prepared 'in the way'`)
    await one.drop()
    await full.stop()
  })

  test('holds both engines in one database: two phases all the same', async () => {
    await using twice = createEngines({
      one: engine()({ connection: books.url, pool: { max: 1 } }),
      two: engine()({ connection: books.url, pool: { max: 1 } }),
    })
    const [first, second] = [++key, ++key]
    await using db = twice.open()
    await db.one('t').insert({ id: first })
    await db.two('t').insert({ id: second })
    expect(await db.commit()).toMatchObject({
      mode: 'two-phase',
      engines: { one: 'committed', two: 'committed' },
    })
    await db.end()
    await twice.close()
    expect([await whoHas(first), await whoHas(second), await prepared()]).toEqual(['ledger', 'ledger', []])
  })

  test('two engines on one database whose last waits for its own prepared sibling: it ends, and says why', async () => {
    await using twice = createEngines({
      one: engine()({ connection: books.url, pool: { max: 1 }, commitTimeoutMs: 1_000 }),
      two: engine()({ connection: books.url, pool: { max: 1 }, commitTimeoutMs: 1_000 }),
    })
    const id = ++key
    await books.admin('insert into t values ($1)', [id])
    await using db = twice.open()
    // A deferred constraint: checked at COMMIT, when the sibling has deleted the parent row.
    await db.two('child').insert({ parent: id })
    await db.one('t').where({ id }).del()
    const startedAt = performance.now()
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_COMMIT_FAILED',
      sqlstate: '55P03',
      engine: 'two',
    })
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    await db.end()
    await twice.close()
    expect(await whoHas(id)).toBe('ledger')
  })
})

describe('one after the other', () => {
  const unableEngines = () =>
    createEngines({
      first: engine()({ connection: old.url, pool: { max: 1 }, priority: 1 }),
      second: engine()({ connection: old.url, pool: { max: 1 }, priority: 2 }),
      zeroth: engine()({ connection: old.url, pool: { max: 1 } }),
    })

  test('a deferred constraint is found by the votes, before anybody commits', async () => {
    const some = unableEngines()
    await using db = some.open()
    const id = ++key
    await db.zeroth('t').insert({ id })
    await db.first('child').insert({ parent: -1 })
    await expect(db.commit()).rejects.toMatchObject({
      code: 'EL_COMMIT_FAILED',
      sqlstate: '23503',
      engine: 'first',
    })
    expect(await old.admin('select from t where id = $1', [id])).toHaveLength(0)
    await db.end()
    await some.close()
  })

  test('in the order of priority; a failure after the first is told as what it is', async () => {
    const some = unableEngines()
    await using db = some.open()
    const id = (key += 3)
    await db.second('t').insert({ id })
    await db.first('t').insert({ id: id - 1 })
    await db.zeroth('t').insert({ id: id - 2 })
    using _strike = strikeAt('commit:due', destroy, { after: 1 })
    const error = await db.commit().catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'EL_PARTIAL_COMMIT',
      committed: ['zeroth'],
      failed: ['second'],
      unknown: ['first'],
      report: {
        mode: 'sequential',
        engines: { zeroth: 'committed', first: 'unknown', second: 'rolled back' },
      },
    })
    await db.end()
    await some.close()
    expect(await old.admin('select id from t where id > $1', [id - 3])).toEqual([{ id: id - 2 }])
  })
})
