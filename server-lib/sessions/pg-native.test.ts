import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { engineReports } from '../channels/engine-reports.ts'
import { createEngines, engine } from '../index.ts'
import { arrowBatches, toArrow } from '../schema/index.ts'
import { borrow } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

/** A client that looks like pg-native's, which is written in C and treats texts as pg does. */
class NativeClient extends pg.Client {
  readonly native: object = { getTransactionStatus: () => super.getTransactionStatus() }
}

/** Like pg-native before 3.9: pg asks it for a status that it does not know. */
class MuteClient extends NativeClient {
  override readonly native = {}
  override getTransactionStatus(): never {
    throw new TypeError('this.native.getTransactionStatus is not a function')
  }
}

test.each(['autocommit', 'transaction'] as const)(
  'in %s mode what drives the protocol itself is refused on pg-native, and texts go on',
  async mode => {
    await using pool = ending(
      new pg.Pool({
        connectionString: database.url,
        max: 1,
        Client: NativeClient,
      } as pg.PoolConfig),
    )
    await using engines = createEngines({ main: engine()({ pool, mode }) })
    await engines.scope(async db => {
      const refused = { code: 'EL_UNSUPPORTED_CLIENT', message: expect.stringMatching(/pg-native/) }
      const source = { session: db.main, text: 'select 1 as one' }
      await expect(toArrow(source)).rejects.toMatchObject(refused)
      await expect(arrowBatches(source).next()).rejects.toMatchObject(refused)
      const streams = [db.main.stream('select 1 as one'), db.main.stream(db.main.raw('select 1 as one'))]
      for (const stream of streams)
        await expect((stream as unknown as QueryStream).toArray()).rejects.toMatchObject(refused)
      const queries = [db.main.query('select 1 as one'), db.main.query('select $1::int as one', [1])]
      for (const { rows } of await Promise.all(queries)) expect(rows).toEqual([{ one: 1 }])
    })
  },
)

test('and on one that is borrowed, through a session and through the knex of the borrower', async () => {
  const client = new NativeClient(database.url)
  await client.connect()
  await client.query('begin')
  const { engine, knex } = borrow({ connection: () => client as never })
  await using engines = createEngines({ main: engine })
  await engines.scope(async db => {
    await expect(toArrow({ session: db.main, text: 'select 1 as one' })).rejects.toMatchObject({
      code: 'EL_UNSUPPORTED_CLIENT',
    })
    expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })
  const stream = knex.raw('select 1 as one').stream() as unknown as QueryStream
  await expect(stream.toArray()).rejects.toMatchObject({ message: expect.stringMatching(/pg-native/) })
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await engines.close()
  await client.end()
})

test('where it does not tell of transactions that is said, nothing is guessed, and what a leaker left is rolled back', async () => {
  const table = await database.admin('create table if not exists t (id int)')
  expect(table).toEqual([])
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const pool = new pg.Pool({ connectionString: database.url, max: 1, Client: MuteClient } as pg.PoolConfig)
  await using engines = createEngines({ main: engine()({ pool, idleInTransactionWarningMs: 10 }) })
  const { told, stop } = listen('transaction', 'engine')
  const leaker = await pool.connect()
  await leaker.query('begin')
  await leaker.query('insert into t values (1)')
  const [report] = engineReports()
  expect(report).toMatchObject({
    description: { transactions: 'unknown' },
    connections: [{ status: null, transaction: null }],
  })
  leaker.release()
  await engines.run(async db => void (await db.main.query('insert into t values (2)')))
  await expect(
    engines.scope(async db => {
      await db.main.query('insert into t values (3)')
      await db.main.query('select nothing').catch(() => {})
      await db.main.commit()
    }),
  ).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
  stop()
  await engines.close()
  await pool.end()
  expect(told()).toEqual(['engine main declared'])
  const codes = warned.mock.calls.map(([, options]) => (options as { code?: string }).code)
  expect(codes).toEqual(['EL_TRANSACTIONS_UNKNOWN'])
  warned.mockRestore()
  expect(await database.admin('select id from t')).toEqual([{ id: 2 }])
})

test('a class of connections that tells nothing is known before there is one of them', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  class Old {}
  const pool = new pg.Pool({ connectionString: database.url, Client: Old } as unknown as pg.PoolConfig)
  await using _engines = createEngines({ main: engine()({ pool }) })
  expect(warned.mock.calls.map(([, options]) => (options as { code?: string }).code)).toEqual([
    'EL_TRANSACTIONS_UNKNOWN',
  ])
  warned.mockRestore()
})
