import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { borrow, lend } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (n int)')))
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(() => database.drop())

const open = (options: object = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, ...options }) })

type Query = (config: any, values?: unknown) => Promise<unknown>

const bug = new TypeError('a bug')
const throws = {
  toPostgres() {
    throw new TypeError('a bug')
  },
}
const circular: { self?: unknown } = {}
circular.self = circular
const types = {
  getTypeParser: () => () => {
    throw bug
  },
}

/** Faults that pg finds by itself, before it sends a statement or after it has read the whole answer. */
const FAULTS: Record<string, (query: Query) => Promise<unknown>> = {
  'a value whose toPostgres throws': query => query({ text: 'select $1::text', values: [throws] }),
  'a value that throws in the first of two': query =>
    query({ text: 'select $1, $2::text', values: [throws, 1] }),
  'a circular value': query => query({ text: 'select $1::jsonb', values: [circular] }),
  'a BigInt in an object': query => query({ text: 'select $1::jsonb', values: [{ a: 1n }] }),
  'values that are no array': query => query({ text: 'select $1', values: 'x' }),
  'a text that is none': query => query({ text: 5 }),
  'no text at all': query => query({ values: [] }),
  'no config at all': query => query(null),
  'a name of another statement': async query => {
    await query({ name: 'taken', text: 'select 1', values: [] })
    await query({ name: 'taken', text: 'select 2', values: [] })
  },
  'a type parser that throws': query => query({ text: 'select 1', values: [], types }),
  'a type parser that throws, without parameters': query => query({ text: 'select 1', types }),
  'a type parser that throws in row mode': query =>
    query({ text: 'select 1', values: [], types, rowMode: 'array' }),
}

const WAYS: Record<string, (session: Session) => Query> = {
  'a session': session => (config, values) => session.query(config, values as []),
  'a lent client': session => {
    const { client } = lend(session, { Pool: pg.Pool })
    return (...args) => client.query(...(args as [string])) as Promise<unknown>
  },
  'a lent client with a callback': session => {
    const { client } = lend(session, { Pool: pg.Pool })
    return config =>
      new Promise((resolve, reject) => {
        client.query(config as string, (error: Error | null, result: unknown) =>
          error ? reject(error) : resolve(result),
        )
      })
  },
  'a lent pool': session => {
    const { pool } = lend(session, { Pool: pg.Pool })
    return (...args) => pool.query(...(args as [string])) as Promise<unknown>
  },
}

const told = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error as Error & { code?: string },
  )

const matrix = Object.keys(FAULTS).flatMap(fault => Object.keys(WAYS).map(way => [fault, way] as const))

test.each(matrix)('%s by %s fails alone: the transaction goes on and is committed', async (fault, way) => {
  const client = new pg.Client(database.url)
  await client.connect()
  const stock = await told((async () => FAULTS[fault]?.((...args) => client.query(...(args as [string]))))())
  await client.end()

  await using engines = open()
  await engines.run(async db => {
    await db.main('t').insert({ n: 1 })
    const pid = db.main.identity?.backendPid
    const query = WAYS[way]?.(db.main) as Query
    // A session's query() takes a text and an array, and refuses anything else itself.
    const isOurs = way === 'a session'
    const send: Query = isOurs
      ? (config, values) => query(config?.text ?? config, config?.values ?? values)
      : query
    const error = await told((async () => FAULTS[fault]?.(send))())
    if (isOurs && /name|parser/.test(fault)) expect(error).toBe('nothing')
    else if (/^a text that is none|^no /.test(fault) && (!isOurs || /config/.test(fault)))
      expect(error).toMatchObject({ code: 'EL_CONFIG' })
    else if (isOurs && /none|no /.test(fault)) expect(error).toMatchObject({ code: 'EL_CONFIG' })
    else expect(error).toMatchObject({ name: (stock as Error).name, message: (stock as Error).message })
    expect(db.main.state).toBe('active')
    expect(db.main.identity?.backendPid).toBe(pid)
    await db.main('t').insert({ n: 2 })
  })
  expect(await database.admin('select n from t order by n')).toEqual([{ n: 1 }, { n: 2 }])
})

test.each(['transaction', 'autocommit'] as const)(
  'in %s mode a fault of the very first statement leaves its connection to the next, with BEGIN along or before',
  async mode => {
    for (const pipeline of [true, false]) {
      await using engines = open({ mode, pipeline })
      const pids = new Set<number | null | undefined>()
      for (const send of [
        (db: { main: Session }) => db.main.query('select $1::text', [throws]),
        (db: { main: Session }) => db.main.raw('select ?::text', [throws as never]),
        (db: { main: Session }) => db.main('t').where({ n: throws as never }),
      ]) {
        await engines.scope(async db => {
          const two = [
            told(send(db) as Promise<unknown>),
            db.main.query('select pg_backend_pid() as pid'),
          ] as const
          expect(await two[0]).toMatchObject({ name: 'TypeError', message: expect.stringMatching(/a bug$/) })
          const { rows } = await two[1]
          pids.add(rows[0].pid)
        })
      }
      expect(pids.size).toBe(1)
    }
  },
)

test('where the server has found fault with the text as well, the transaction is failed', async () => {
  await using engines = open()
  const db = engines.open()
  await db.main('t').insert({ n: 1 })
  expect(await told(db.main.query('select $1::no_such_type', [throws]))).toEqual(bug)
  expect(await told(db.main.query('select 1'))).toMatchObject({ code: 'EL_TRANSACTION_FAILED', cause: bug })
  await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
  await db.end()
})

test('run does not repeat a unit of work for an error of the application', async () => {
  await using engines = open()
  let attempts = 0
  const run = engines.run(
    async db => {
      attempts++
      await db.main.query('select $1::text', [throws])
    },
    { retry: { times: 4, backoffMs: 1 } },
  )
  await expect(run).rejects.toMatchObject({ name: 'TypeError', message: 'a bug' })
  expect(attempts).toBe(1)
})

test.each(['transaction', 'autocommit'] as const)(
  'in %s mode a text or name that is no string is refused before pg writes half of it',
  async mode => {
    await using engines = open({ mode })
    await engines.scope(async db => {
      await db.main('t').insert({ n: 1 })
      const { client } = lend(db.main, { Pool: pg.Pool })
      const refused = { code: 'EL_CONFIG', message: expect.stringMatching(/must be a string, not 5/) }
      const stream = client.query(new QueryStream(5 as never, []) as never) as unknown as QueryStream
      expect(await told(stream.toArray())).toMatchObject(refused)
      const cursor = client.query(new Cursor(5 as never, []) as never) as unknown as Cursor
      expect(await told(cursor.read(1))).toMatchObject(refused)
      expect(await told(client.query({ name: 5, text: 'select 1' } as never))).toMatchObject(refused)
      const query = new pg.Query('', []) as unknown as { text: number }
      query.text = 5
      const answered = new Promise((_resolve, reject) => {
        ;(query as unknown as pg.Query).on('error', reject)
        client.query(query as never)
      })
      expect(await told(answered)).toMatchObject(refused)
      expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(await db.main('t').select()).toEqual([{ n: 1 }])
    })
    // A half-written message would be sent when this connection starts.
    await using client = ending(new pg.Client(database.url))
    await client.connect()
  },
)

test('a borrower is told of its own fault, and its host goes on', async () => {
  const host = new pg.Client(database.url)
  onTestFinished(() => host.end())
  await host.connect()
  await host.query('begin')
  await using engines = createEngines({ main: borrow({ connection: () => host }).engine })
  await engines.scope(async db => {
    const coded = Object.assign(new Error('no such file'), { code: 'ENOENT' })
    const unreadable = {
      toPostgres() {
        throw coded
      },
    }
    for (const [value, error] of [
      [throws, bug],
      [unreadable, coded],
    ] as const) {
      expect(await told(db.main.query('select $1::text', [value]))).toEqual(error)
      const inside = db.main.savepoint(async () => db.main.query('select $1::text', [value]))
      expect(await told(inside)).toEqual(error)
      expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    }
  })
  await host.query('insert into t values (1)')
  await host.query('commit')
  await engines.close()
  expect(await database.admin('select n from t')).toEqual([{ n: 1 }])
})

test.each([
  ["knex's timeout", {}, (session: Session) => session.raw('select pg_sleep(5)').timeout(30)],
  ["pg's query_timeout", { query_timeout: 30 }, (session: Session) => session.query('select pg_sleep(5)')],
] as const)(
  'a statement that %s gives up on is told as that, and not as a lost connection',
  async (_name, extra, send) => {
    await using engines = open({ connection: { connectionString: database.url, ...extra } })
    let attempts = 0
    const run = engines.run(
      async db => {
        attempts++
        await db.main.query('select 1')
        await told(send(db.main) as Promise<unknown>)
        await db.main.query('select 1')
      },
      { retry: { times: 3, backoffMs: 1 } },
    )
    await expect(run).rejects.toMatchObject({
      code: 'EL_STATEMENT_TIMEOUT',
      message: expect.stringMatching(/had no answer in time, and its connection was closed: .*time/i),
    })
    expect(attempts).toBe(1)
  },
)

test('a transaction of plain pg goes on in the books after a fault of the driver', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using _engines = createEngines({ main: engine()({ pool }) })
  const { messages, stop } = listen('transaction')
  const client = await pool.connect()
  await client.query('begin')
  expect(await told(client.query('select $1::text', [throws]))).toEqual(bug)
  expect(await told(client.query({ text: 'select 1', values: [], types } as never))).toEqual(bug)
  await client.query('commit')
  client.release()
  stop()
  expect(messages.map(message => (message as { phase: string }).phase)).toEqual(['start', 'end'])
  expect(messages.at(-1)).toMatchObject({ outcome: 'committed' })
})

test('a connection that somebody has ended before COMMIT is lost, and its outcome is known', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const drivers: pg.PoolClient[] = []
  pool.on('connect', driver => void drivers.push(driver))
  await using engines = createEngines({ main: engine()({ pool }) })
  const db = engines.open()
  await db.main('t').insert({ n: 1 })
  const ended = (drivers[0] as unknown as pg.Client).end()
  await expect(db.main.commit()).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  await ended
  await db.end()
  await engines.close()
  await pool.end()
  expect(await database.admin('select n from t')).toEqual([])
})
