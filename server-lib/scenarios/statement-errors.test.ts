import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'

let database: TestDatabase
let watch: GroundWatch
beforeAll(async () => {
  database = await createDatabase('create table t (id int primary key, n int)')
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 3 })
})
afterEach(async () => {
  await watch.expectSound()
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const open = (options: { statementTimeoutMs?: number; idleInTransactionTimeoutMs?: number } = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 2 }, ...options }) })
const caught = (work: Promise<unknown>) =>
  work.then(() => 'no error' as unknown).catch((error: unknown) => error)

/** Two sessions in each other's way; the first of the two errors that comes of it, and whose it is. */
type Clash = (one: Session, two: Session) => Promise<[Session, unknown]>

const CLASHES: Record<string, [code: string, clash: Clash]> = {
  'a statement timeout': [
    '57014',
    async one => {
      await one.query('set local statement_timeout = 30')
      return [one, await caught(one.query('select pg_sleep(5)'))]
    },
  ],
  'a lock timeout': [
    '55P03',
    async (one, two) => {
      await two.query('lock table t')
      await one.query('set local lock_timeout = 30')
      return [one, await caught(Promise.resolve(one('t').insert({ id: 9 })))]
    },
  ],
  'a deadlock': [
    '40P01',
    async (one, two) => {
      for (const session of [one, two]) await session.query(`set local deadlock_timeout = '20ms'`)
      await one('t').where({ id: 1 }).update({ n: 1 })
      await two('t').where({ id: 2 }).update({ n: 2 })
      const errors = [one, two].map(async (session, index) => {
        const error = await caught(
          Promise.resolve(
            session('t')
              .where({ id: 2 - index })
              .update({ n: 3 }),
          ),
        )
        return [session, error] as [Session, unknown]
      })
      // The other one waits until this one lets go.
      return await Promise.race(errors)
    },
  ],
  'a serialization failure': [
    '40001',
    async (one, two) => {
      await one.query('set transaction isolation level repeatable read')
      await one('t').select()
      await two('t').where({ id: 1 }).update({ n: 2 })
      await two.commit()
      return [one, await caught(Promise.resolve(one('t').where({ id: 1 }).update({ n: 1 })))]
    },
  ],
}

test.each(Object.entries(CLASHES))(
  "R13 %s: the server's own error, a failed transaction, and the connection is kept",
  async (_what, [code, clash]) => {
    await database.admin('insert into t values (1, 0), (2, 0)')
    await using engines = open()
    const [first, second] = [engines.open(), engines.open()]
    const [session, error] = await clash(first.main, second.main)
    const pid = session.identity?.backendPid
    expect(error).toMatchObject({ name: 'error', code, severity: 'ERROR' })
    expect(session.state).toBe('failed')
    expect(await caught(session.commit())).toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK', cause: { code } })
    expect((await database.backends()).map(backend => backend.pid)).toContain(pid)
    await (session === first.main ? second : first).end()
    // The whole unit of work again.
    await session('t').where({ id: 1 }).update({ n: 5 })
    await session.commit()
    expect(await database.admin('select n from t where id = 1')).toEqual([{ n: 5 }])
    await Promise.all([first.end(), second.end()])
  },
)

test("R13 an engine's own limit on statements is the server's 57014 as well", async () => {
  await using engines = open({ statementTimeoutMs: 200 })
  const db = engines.open()
  await db.main.query('select 1')
  const pid = db.main.identity?.backendPid
  expect(await caught(db.main.query('select pg_sleep(5)'))).toMatchObject({ code: '57014' })
  expect(db.main.state).toBe('failed')
  await db.main.rollback()
  await db.main.query('select 1')
  expect(db.main.identity?.backendPid).toBe(pid)
  await db.end()
})

test('R13 a transaction that stands idle too long costs its connection, and says why', async () => {
  await using engines = open({ idleInTransactionTimeoutMs: 40 })
  const db = engines.open()
  await db.main('t').insert({ id: 1 })
  const pid = db.main.identity?.backendPid
  await expect.poll(() => db.main.state).toBe('lost')
  for (const use of [
    () => db.main.query('select 1'),
    () => db.main.commit(),
    () => db.main('t').insert({ id: 2 }),
  ]) {
    expect(await caught(Promise.resolve(use()))).toMatchObject({
      code: 'EL_CONNECTION_LOST',
      sqlstate: '25P03',
      cause: { code: '25P03' },
    })
  }
  expect((await database.backends()).map(backend => backend.pid)).not.toContain(pid)
  await db.main.rollback()
  expect(await db.main('t').select()).toEqual([])
  await db.end()
})

test('R14 what follows a failure in its transaction names that failure, however many follow', async () => {
  await using engines = open()
  const db = engines.open()
  await db.main('t').insert({ id: 1 })
  const first = await caught(Promise.resolve(db.main('t').insert({ id: 1 })))
  expect(first).toMatchObject({ code: '23505' })
  const uses: (() => PromiseLike<unknown>)[] = [
    () => db.main('t').select(),
    () => db.main.query('select 1'),
    () => db.main.raw('select 1'),
    () => db.main.knex('t').select(),
    () => db.main.stream('select 1').toArray(),
    () => db.main.stream(db.main.raw('select 1')).toArray(),
    () => db.main.knex('t').stream().toArray(),
    () => db.main.savepoint(() => db.main.query('select 1')),
    () => Promise.all([db.main.query('select 1'), db.main.query('select 2')]),
  ]
  for (const use of uses) {
    const error = (await caught(Promise.resolve(use()))) as Error
    expect(error).toMatchObject({ code: 'EL_TRANSACTION_FAILED', sqlstate: '25P02' })
    expect(error.cause).toBe(first)
    expect(error.message).toContain('23505')
  }
  await db.main.rollback()
  await db.main('t').insert({ id: 1 })
  await db.main.commit()
  // The failure of one transaction is no cause in the next.
  expect(await caught(db.main.query('select 1/0'))).toMatchObject({ code: '22012' })
  expect(await caught(db.main.query('select 1'))).toMatchObject({ cause: { code: '22012' } })
  await db.end()
})

test.each([
  'a statement',
  'a builder',
  'a stream',
  'a savepoint that was not undone',
  'one of several at once',
])(
  'R15 the swallowed error of %s: commit() rejects, nothing is written, and the cause is told',
  async what => {
    await using engines = open()
    const db = engines.open()
    const fail: Record<string, () => Promise<unknown>> = {
      'a statement': () => db.main.query('select 1/0'),
      'a builder': () => Promise.resolve(db.main('t').insert({ id: 1 })),
      'a stream': () => db.main.stream('select 1/0').toArray(),
      'a savepoint that was not undone': async () => {
        await db.main.query('savepoint by_hand')
        await db.main.query('select 1/0')
      },
      'one of several at once': () =>
        Promise.all([db.main.query('select 1'), db.main.query('select 1/0'), db.main.query('select 2')]),
    }
    await db.main('t').insert({ id: 1 })
    await caught((fail[what] as () => Promise<unknown>)())
    const error = await caught(db.main.commit())
    expect(error).toMatchObject({
      code: 'EL_COMMIT_ROLLED_BACK',
      cause: { code: what === 'a builder' ? '23505' : '22012' },
    })
    expect(db.main.state).toBe('idle')
    expect(await database.admin('select * from t')).toEqual([])
    await db.main('t').insert({ id: 2, n: 1 })
    await db.main.commit()
    await db.end()
    expect(await database.admin('select id from t')).toEqual([{ id: 2 }])
  },
)
