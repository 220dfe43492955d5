import { once } from 'node:events'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet, untilRuns } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { serveAll, type Handler } from '../testing/watched-app.ts'
import { expectTruth } from '../testing/watched-truth.ts'

const FILE = 'server-lib/watch/pg-pool.test.ts'

let database: TestDatabase
let pool: pg.Pool
let engines: { close(): Promise<unknown> }

beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(async () => {
  await engines.close()
  await pool.end()
  await expectBackends(database, 0)
  await expectQuiet(database)
})
afterAll(() => database.drop())

function open(options: pg.PoolConfig): void {
  pool = new pg.Pool({ connectionString: database.url, ...options })
  pool.on('error', () => {})
  engines = createEngines({ main: engine()({ pool }) })
}

type Answer = (error: Error | null | undefined, result: pg.QueryResult) => void
const answered = (send: (answer: Answer) => unknown) =>
  new Promise<pg.QueryResult>((resolve, reject) => {
    send((error, result) => (error ? reject(error) : resolve(result)))
  })

async function using<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

const handlers: Record<string, Handler> = {
  query: async mark => pool.query(`select ${mark.columns()}`),
  queryCallback: async mark => answered(answer => pool.query(`select ${mark.columns()}`, answer)),
  values: async mark => answered(answer => pool.query(`select ${mark.columns()}, $1::int`, [1], answer)),
  parallel: async mark =>
    Promise.all([
      pool.query(`select ${mark.columns()}`),
      pool.query({ text: `select ${mark.columns()}`, values: [] }),
    ]),
  connect: async mark => using(client => client.query(`select ${mark.columns()}`)),
  connectCallback: mark =>
    new Promise((resolve, reject) => {
      pool.connect((error, client, release) => {
        if (error || !client) return reject(error as Error)
        client.query(`select ${mark.columns()}`, (failure, result) => {
          // Sent from the socket's own context, in which pg calls back.
          client.query(`select ${mark.columns()}`, (again, more) => {
            release()
            if (failure ?? again) reject((failure ?? again) as Error)
            else resolve([result, more])
          })
        })
      })
    }),
  mixed: async mark =>
    using(client =>
      answered(answer =>
        client.query({ text: 'select 1' }, () => client.query(`select ${mark.columns()}`, answer)),
      ),
    ),
  inside: async mark =>
    using(client =>
      answered(callback => client.query({ text: `select ${mark.columns()}`, callback } as pg.QueryConfig)),
    ),
  prepared: async mark => {
    const name = mark()
    return using(client => client.query({ name, text: `select ${mark.columns()}, $1::int`, values: [1] }))
  },
  submittable: async mark =>
    using(async client => {
      const query = new pg.Query('')
      const rows: unknown[] = []
      query.on('row', row => void rows.push(row))
      const sent = client.query(Object.assign(query, { text: `select ${mark.columns()}` }))
      expect(sent).toBe(query)
      await once(query, 'end')
      return rows
    }),
  cursor: async mark =>
    using(async client => {
      const cursor = client.query(new Cursor(`select ${mark.columns()}, n from generate_series(1, 30) n`))
      const rows = await cursor.read(10)
      await cursor.close()
      return rows
    }),
  stream: async mark =>
    using(async client => {
      const rows: unknown[] = []
      const stream = client.query(new QueryStream(`select ${mark.columns()}`))
      for await (const row of stream) rows.push(row)
      return rows
    }),
  transaction: async mark =>
    using(async client => {
      await client.query(`begin /* ${mark()} */`)
      await client.query(`savepoint a /* ${mark()} */`)
      await client.query(`insert into t (name) values ('${mark()}')`)
      await client.query(`rollback to a /* ${mark()} */`)
      const result = await client.query(`select ${mark.columns()}`)
      await client.query(`commit /* ${mark()} */`)
      return result
    }),
  rolledBack: async mark =>
    using(async client => {
      await client.query('BEGIN')
      await client.query(`select nothing /* ${mark()} */`).catch(() => {})
      await client.query(`ROLLBACK /* ${mark()} */`)
      return client.query(`select ${mark.columns()}`)
    }),
  several: async mark => pool.query(`select ${mark.columns()}; select 2`),
  refused: async mark =>
    using(async client => {
      expect(() => client.query({ text: mark(), callback: 5 } as never)).toThrow('not a function')
    }),
  copy: async mark =>
    using(async client => {
      await client.query(`copy (select 1 /* ${mark()} */) to stdout`)
      // pg itself has nothing to send, and the server reports that.
      await expect(client.query(`copy t from stdin /* ${mark()} */`)).rejects.toMatchObject({ code: '57014' })
      return client.query(`select ${mark.columns()}`)
    }),
  syntax: async mark => {
    await expect(pool.query(`selec /* ${mark()} */`)).rejects.toMatchObject({ code: '42601' })
    await expect(using(client => client.query(`selec /* ${mark()} */`))).rejects.toMatchObject({
      code: '42601',
    })
  },
}

test.each([1, 3])('everything on a pool of %i is told with its request, connection and line', async max => {
  open({ max })
  const observed = await serveAll(engines, handlers)
  expect(observed.errors).toEqual({})
  const told = expectTruth(observed, FILE)
  const names = new Set(told.map(({ mark }) => mark.split('-')[0]))
  expect([...names].toSorted()).toEqual(Object.keys(handlers).toSorted())
})

test('a killed backend and a client that is not wanted back end what was under way', async () => {
  open({ max: 2 })
  const observed = await serveAll(engines, {
    killed: async mark => {
      const client = await pool.connect()
      client.on('error', () => {})
      const { rows } = await client.query(`select ${mark.columns()}`)
      await client.query('begin')
      const dying = client.query(`select pg_sleep(10), ${rows[0].pid} /* ${mark()} */`)
      const died = expect(dying).rejects.toMatchObject({ code: '57P01' })
      await untilRuns(database, `pg_sleep(10), ${rows[0].pid}`)
      await database.admin('select pg_terminate_backend($1)', [rows[0].pid])
      await died
      client.release(true)
      return rows
    },
    discarded: async mark => {
      const client = await pool.connect()
      const { rows } = await client.query(`select ${mark.columns()}`)
      client.release(true)
      return rows
    },
  })
  expect(observed.errors).toEqual({})
  expectTruth(observed, FILE)
  const outcomes = observed.messages.filter(
    one => one.channel === 'enginelight:transaction' && one.phase === 'end',
  )
  expect(outcomes.map(one => 'outcome' in one && one.outcome)).toEqual(['lost', 'lost', 'lost'])
  const discarded = observed.messages.filter(one => one.phase === 'released' && one.discarded !== null)
  expect(discarded).toHaveLength(6)
})

test('the application’s own connect listener, existing connections, and use outside of any request', async () => {
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const before = await pool.connect()
  const idle = await pool.connect()
  idle.release()
  pool.on('connect', client => void client.query(`set application_name = 'listened'`))
  engines = createEngines({ main: engine()({ pool }) })
  const { messages, stop } = listen('checkout', 'statement')
  await before.query('select 1')
  before.release(true)
  await pool.query('select 2')
  await Promise.all([pool.query('select 3'), pool.query('select 4')])
  stop()
  const statements = messages.filter(one => one.channel === 'enginelight:statement' && one.phase === 'start')
  expect(
    statements.map(one => 'text' in one && [one.text, one.request, one.site?.label.startsWith(FILE)]),
  ).toEqual(
    expect.arrayContaining([
      ['select 1', null, true],
      ['select 2', null, true],
      ['select 3', null, true],
      ['select 4', null, true],
      [`set application_name = 'listened'`, null, true],
    ]),
  )
  expect(statements.every(one => 'backendPid' in one && Number(one.backendPid) > 0)).toBe(true)
})
