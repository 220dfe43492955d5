import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'

const TABLES = `
  create table t (id serial primary key, name text);
  create table parent (id int primary key);
  create table child (parent int references parent deferrable initially deferred);
  ${INSTALL_SQL}
`

let shop: TestDatabase
let books: TestDatabase
const open = () =>
  createEngines(
    {
      reader: engine()({ connection: shop.url, access: 'read', pool: { max: 2 } }),
      writer: engine()({ connection: shop.url, default: true, pool: { max: 2 } }),
      ledger: engine()({ connection: books.url, pool: { max: 2 } }),
      audit: engine()({ connection: books.url, enlist: 'independent', pool: { max: 1 } }),
      logger: engine()({
        connection: books.url,
        mode: 'autocommit',
        enlist: 'independent',
        pool: { max: 1 },
      }),
    },
    { application: 'commit test' },
  )
let engines: ReturnType<typeof open>

beforeAll(async () => {
  shop = await createDatabase(TABLES)
  books = await createDatabase(TABLES)
  engines = open()
})
afterEach(async () => {
  await expectQuiet(shop)
  await expectQuiet(books)
  expect(await prepared()).toEqual([])
  for (const { admin } of [shop, books]) await admin('truncate t, parent, child, enginelight_decision')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(shop, 0)
  await expectBackends(books, 0)
  await shop.drop()
  await books.drop()
})

/** Only of these databases, because other tests use the same server. */
const prepared = () =>
  shop.admin('select gid from pg_prepared_xacts where database = any($1)', [[shop.name, books.name]])
const names = async ({ admin }: TestDatabase) =>
  (await admin('select name from t order by id')).map(({ name }) => name)

test('nothing is open: nothing is sent', async () => {
  await using db = engines.open()
  expect(await db.commit()).toEqual({
    mode: 'nothing',
    engines: { reader: 'untouched', writer: 'untouched', ledger: 'untouched' },
    durationMs: expect.any(Number),
  })
  const { told, stop } = listen('statement')
  void db.writer
  expect(await db.commit()).toMatchObject({ mode: 'nothing', engines: { writer: 'untouched' } })
  stop()
  expect(told()).toEqual([])
})

test('one engine has written: a plain COMMIT, and no statement more than by hand', async () => {
  await using db = engines.open()
  const { told, stop } = listen('statement')
  await db.writer('t').insert({ name: 'a' })
  expect(await db.commit()).toMatchObject({ mode: 'one-phase', engines: { writer: 'committed' } })
  stop()
  expect(told().filter(line => line.startsWith('statement'))).toEqual([
    'statement BEGIN',
    'statement insert into "t" ("name") values ($1)',
    'statement COMMIT',
  ])
  expect(await names(shop)).toEqual(['a'])
})

test('two engines have written: prepared, decided, committed, and the row is gone', async () => {
  await using db = engines.open()
  const { told, stop } = listen('commit')
  await db.reader('t').select()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'b' })
  const report = await db.commit()
  stop()
  expect(report).toMatchObject({
    mode: 'two-phase',
    engines: { reader: 'ended', writer: 'committed', ledger: 'committed' },
  })
  // The reader commits independently of the others.
  expect(told().filter(line => !line.includes('reader'))).toEqual([
    'commit two-phase',
    'step decision ledger',
    'step decision ledger: INSERT',
    'step prepare writer',
    'step prepare writer: PREPARE',
    'step commit ledger',
    'step commit ledger: COMMIT',
    'step commit prepared writer',
    'step commit prepared writer: COMMIT',
    'commit committed',
  ])
  expect([await names(shop), await names(books)]).toEqual([['a'], ['b']])
  await expect.poll(() => books.admin('select * from enginelight_decision')).toEqual([])
  expect(await prepared()).toEqual([])
})

test.each([
  ['off', 1],
  ['local', 1],
  ['on', 0],
  ['remote_apply', 0],
])(
  'the decision is made durable before it is sent, and never less so: synchronous_commit %s',
  async (level, raised) => {
    await using db = engines.open()
    await db.writer('t').insert({ name: 'a' })
    await db.ledger.query(`set local synchronous_commit = ${level}`)
    await db.ledger('t').insert({ name: 'b' })
    const { messages, stop } = listen('statement', 'commit')
    await db.commit()
    stop()
    const asked = messages.find(message => 'text' in message && message.text.includes('synchronous_commit'))
    const id = asked && 'id' in asked ? asked.id : undefined
    const answered = messages.findIndex(message => 'rows' in message && message.id === id)
    expect(messages[answered]).toMatchObject({ rows: raised, error: null })
    // Everything after the decision itself comes later.
    const decided = messages.findIndex(
      message => message.phase === 'step started' && message.step === 'commit',
    )
    expect(answered).toBeGreaterThan(-1)
    expect(answered).toBeLessThan(decided)
  },
)

test('rows of decisions are deleted together, a moment later, and at the latest by close()', async () => {
  await using some = createEngines({
    writer: engine()({ connection: shop.url, pool: { max: 4 } }),
    ledger: engine()({ connection: books.url, pool: { max: 4 } }),
  })
  const { messages, stop } = listen('statement', 'commit')
  const transfer = async () => {
    await using db = some.open()
    await db.writer('t').insert({ name: 'a' })
    await db.ledger('t').insert({ name: 'b' })
    await db.commit()
  }
  await transfer()
  // So many that some meet within the moment, whatever else the machine is doing.
  await Promise.all(Array.from({ length: 12 }, transfer))
  await some.close()
  stop()
  expect(await books.admin('select * from enginelight_decision')).toEqual([])
  const deletions = messages.filter(
    message => 'text' in message && message.text.includes('DELETE FROM public.enginelight_decision'),
  )
  expect(deletions.length).toBeLessThan(13)
  const own = new Set(messages.flatMap(one => ('participants' in one ? [one.id] : [])))
  const forgotten = messages.filter(
    one => one.phase === 'step ended' && one.step === 'forget' && own.has(one.id),
  )
  expect(forgotten).toHaveLength(13)
  // The joint delete belongs to no request and no session.
  expect(deletions[0]).toMatchObject({ request: null, session: null })
})

test('a deferred constraint of the last participant fails: all is rolled back', async () => {
  await using db = engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('child').insert({ parent: 1 })
  await expect(db.commit()).rejects.toMatchObject({
    code: 'EL_COMMIT_FAILED',
    sqlstate: '23503',
    report: { mode: 'two-phase', engines: { writer: 'rolled back', ledger: 'rolled back' } },
  })
  expect(await names(shop)).toEqual([])
  await expect(db.writer('t').insert({ name: 'half' })).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await db.rollback()
  await db.writer('t').insert({ name: 'again' })
  await db.commit()
  expect(await names(shop)).toEqual(['again'])
})

test('a deferred constraint of one that is prepared fails: all is rolled back', async () => {
  await using db = engines.open()
  await db.writer('child').insert({ parent: 1 })
  await db.ledger('t').insert({ name: 'b' })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_FAILED', sqlstate: '23503' })
  expect(await names(books)).toEqual([])
})

test('a swallowed error: nothing is committed anywhere', async () => {
  await using db = engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger.query('select 1/0').catch(() => {})
  await expect(db.commit()).rejects.toMatchObject({
    code: 'EL_COMMIT_ROLLED_BACK',
    cause: { code: '22012' },
    report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
  })
  expect(await names(shop)).toEqual([])
})

test('an independent engine takes no part in a commit, nor in its failure', async () => {
  await using db = engines.open()
  await db.audit('t').insert({ name: 'audit' })
  await db.logger('t').insert({ name: 'log' })
  await db.ledger('child').insert({ parent: 1 })
  const error = await db.commit().catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code: 'EL_COMMIT_FAILED' })
  expect((error as { report: { engines: object } }).report.engines).toEqual({
    reader: 'untouched',
    writer: 'untouched',
    ledger: 'rolled back',
  })
  await db.audit.commit()
  expect((await names(books)).toSorted()).toEqual(['audit', 'log'])
})

test('a statement that comes while the commit is under way is refused', async () => {
  await using db = engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'b' })
  const [committed, late] = await Promise.allSettled([db.commit(), db.writer('t').insert({ name: 'late' })])
  expect(committed.status).toBe('fulfilled')
  expect(late).toMatchObject({ status: 'rejected', reason: { code: 'EL_ILLEGAL_MOVE', state: 'committing' } })
  await db.writer('t').insert({ name: 'next' })
  await db.commit()
  expect(await names(shop)).toEqual(['a', 'next'])
})
