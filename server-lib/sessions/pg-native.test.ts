import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { arrowBatches, toArrow } from '../schema/index.ts'
import { borrow } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

/** As pg-native's client shows itself; that one is built of C, and does what pg does with texts. */
class NativeClient extends pg.Client {
  readonly native = {}
}

test.each(['autocommit', 'transaction'] as const)(
  'in %s mode what drives the protocol itself is refused on pg-native, and texts go on',
  async mode => {
    const pool = new pg.Pool({
      connectionString: database.url,
      max: 1,
      Client: NativeClient,
    } as pg.PoolConfig)
    const engines = createEngines({ main: engine()({ pool, mode }) })
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
    await engines.close()
    await pool.end()
  },
)

test('and on one that is borrowed, through a session and through the knex of the borrower', async () => {
  const client = new NativeClient(database.url)
  await client.connect()
  await client.query('begin')
  const { engine, knex } = borrow({ connection: () => client as never })
  const engines = createEngines({ main: engine })
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
