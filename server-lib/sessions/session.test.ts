import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine, sessionOf } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

interface Tables {
  groups: { id: number; name: string }
  logs: { id: number; line: string }
  parents: { id: number }
  children: { id: number; parent_id: number }
}

let database: TestDatabase
let engines: ReturnType<typeof open>

function open(options: Record<string, unknown> = {}) {
  return createEngines({
    reader: engine<Tables>()({ connection: database.url, access: 'read', pool: { max: 2 } }),
    writer: engine<Tables>()({
      connection: database.url,
      default: true,
      pool: { max: 2 },
      traceRows: true,
      ...options,
    }),
    logger: engine<Tables>()({
      connection: database.url,
      mode: 'autocommit',
      enlist: 'independent',
      pool: { max: 2 },
    }),
  })
}

beforeAll(async () => {
  database = await createDatabase(`
    create table groups (id serial primary key, name text unique);
    create table logs (id serial primary key, line text);
    create table parents (id int primary key);
    create table children (id int primary key, parent_id int references parents deferrable initially deferred);
  `)
  engines = open()
})
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate groups, logs, parents, children')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

const count = async (table: string) => Number((await database.admin(`select count(*) n from ${table}`))[0]?.n)

test('the first statement takes a connection and begins; commit is verified and gives it back', async () => {
  const { told, stop } = listen('session', 'checkout', 'transaction', 'statement')
  await using db = engines.open()
  expect(db.status).toEqual({ reader: 'initialized', writer: 'initialized', logger: 'initialized' })
  expect(db.writer.identity).toBeUndefined()
  expect(db.status.writer).toBe('started')
  await db.writer('groups').insert({ name: 'a' })
  expect(await count('groups')).toBe(0)
  const identity = db.writer.identity
  const [backend] = (await database.backends()).filter(one => one.state === 'idle in transaction')
  expect(identity).toMatchObject({
    engine: 'writer',
    pool: 'writer#1',
    slot: 0,
    backendPid: backend?.pid,
    pid: process.pid,
    thread: 0,
  })
  await db.writer.commit()
  expect(db.writer.identity).toBeUndefined()
  expect(await count('groups')).toBe(1)
  await db.end()
  stop()
  expect(db.status).toEqual({ reader: 'initialized', writer: 'ended', logger: 'initialized' })
  expect(told()).toEqual([
    'session writer start',
    'checkout writer start',
    'checkout writer acquired',
    'statement BEGIN',
    'statement insert into "groups" ("name") values ($1)',
    'answer BEGIN',
    'transaction start',
    'session writer active',
    'answer INSERT',
    'session writer ending: commit',
    'statement COMMIT',
    'answer COMMIT',
    'transaction committed',
    'session writer idle',
    'checkout writer released',
    'session writer end',
  ])
})

test('what is not committed is rolled back at the end', async () => {
  const db = engines.open()
  await db.writer('groups').insert({ name: 'a' })
  await db.end()
  await db.end()
  expect(await count('groups')).toBe(0)
  expect(() => db.reader).toThrow(expect.objectContaining({ code: 'EL_ENDED' }))
  await expect(db.writer('groups').select()).rejects.toMatchObject({ code: 'EL_ENDED' })
})

test('a read engine is refused writes by the server, in a transaction and in autocommit', async () => {
  await using db = engines.open()
  await expect(db.reader.query(`insert into groups (name) values ('x')`)).rejects.toMatchObject({
    code: '25006',
  })
  await using own = createEngines({
    only: engine()({ connection: database.url, access: 'read', mode: 'autocommit' }),
  })
  const other = own.open()
  await expect(other.only.query(`insert into groups (name) values ('x')`)).rejects.toMatchObject({
    code: '25006',
  })
  await other.end()
})

test('autocommit sends no BEGIN and holds its connection for the statement alone', async () => {
  const { told, stop } = listen('checkout', 'statement')
  await using db = engines.open()
  await db.logger('logs').insert({ line: 'a' })
  expect(db.logger.identity).toBeUndefined()
  expect(await count('logs')).toBe(1)
  stop()
  expect(told()).toEqual([
    'checkout logger start',
    'checkout logger acquired',
    'statement insert into "logs" ("line") values ($1)',
    'answer INSERT',
    'checkout logger released',
  ])
})

test('Promise.all within a session keeps the order and never makes pg queue', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', onWarning)
  await using db = engines.open()
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`)
  await Promise.all(names.map(name => db.writer('groups').insert({ name })))
  const rows = await db.writer('groups').select('name').orderBy('id')
  expect(rows.map(row => row.name)).toEqual(names)
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

test('after a failed statement only a rollback is possible, and commit says that nothing was committed', async () => {
  await using db = engines.open()
  await db.writer('groups').insert({ name: 'a' })
  await expect(db.writer.raw('select nope')).rejects.toMatchObject({ code: '42703' })
  expect(db.writer.state).toBe('failed')
  await expect(db.writer('groups').select()).rejects.toMatchObject({
    code: 'EL_TRANSACTION_FAILED',
    cause: expect.objectContaining({ code: '42703' }),
  })
  await expect(db.writer.commit()).rejects.toMatchObject({
    code: 'EL_COMMIT_ROLLED_BACK',
    cause: expect.objectContaining({ code: '42703' }),
  })
  expect(await count('groups')).toBe(0)
  await db.writer('groups').insert({ name: 'b' })
  await db.writer.commit()
  expect(await count('groups')).toBe(1)
})

test('a COMMIT that fails is an error with its SQLSTATE, and the connection is clean', async () => {
  await using db = engines.open()
  await db.writer('children').insert({ id: 1, parent_id: 99 })
  await expect(db.writer.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_FAILED', sqlstate: '23503' })
  expect(db.writer.state).toBe('idle')
  await db.writer('parents').insert({ id: 1 })
  await db.writer.commit()
  expect(await count('parents')).toBe(1)
})

test('a savepoint keeps what resolves and undoes what throws; side by side they take turns', async () => {
  await using db = engines.open()
  await db.writer('groups').insert({ name: 'outer' })
  await expect(
    db.writer.savepoint(async () => {
      await db.writer('groups').insert({ name: 'lost' })
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  const kept = await db.writer.savepoint(async () => {
    await db.writer('groups').insert({ name: 'kept' })
    await db.writer.savepoint(() => db.writer('groups').insert({ name: 'inner' }))
    return 7
  })
  expect(kept).toBe(7)
  await Promise.allSettled([
    db.writer.savepoint(() => db.writer('groups').insert({ name: 'p1' })),
    db.writer.savepoint(() => db.writer.raw('select nope')),
    db.writer.savepoint(() => db.writer('groups').insert({ name: 'p3' })),
  ])
  expect(db.writer.state).toBe('active')
  await db.writer.commit()
  const rows = await database.admin('select name from groups order by id')
  expect(rows.map(row => row.name)).toEqual(['outer', 'kept', 'inner', 'p1', 'p3'])
})

test('session.knex is a whole knex on the same transaction; its transaction() is a savepoint', async () => {
  await using db = engines.open()
  await db.writer('groups').insert({ name: 'a' })
  const { knex } = db.writer
  expect(await knex('groups').select('name')).toEqual([{ name: 'a' }])
  await knex.transaction(async trx => void (await trx('groups').insert({ name: 'b' })))
  await knex
    .transaction(async trx => {
      await trx('groups').insert({ name: 'c' })
      await trx.rollback(new Error('undo'))
    })
    .catch(() => {})
  await knex.schema.createTable('scratch', table => void table.increments())
  expect(await count('groups')).toBe(0)
  await db.writer.rollback()
  expect(await count('groups')).toBe(0)
  await expect(database.admin('select * from scratch')).rejects.toThrow()
})

test('a stream holds the session until it is read, and gives way when it is destroyed', async () => {
  await using db = engines.open()
  const seen: number[] = []
  for await (const row of db.writer.stream('select g from generate_series(1, $1::int) g', [250])) {
    seen.push((row as { g: number }).g)
  }
  expect(seen).toHaveLength(250)
  for await (const row of db.writer.stream(db.writer.raw('select g from generate_series(1, 100000) g'))) {
    if ((row as { g: number }).g === 5) break
  }
  expect((await db.writer.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await db.writer.commit()
  let rows = 0
  for await (const _row of db.logger.stream('select generate_series(1, 10)')) rows++
  expect(rows).toBe(10)
  await expect.poll(() => db.logger.identity).toBeUndefined()
})

test('db.any is the engine last written, else one in use, else the first healthy one', async () => {
  await using db = engines.open()
  expect(db.any).toBe(db.reader)
  await db.logger('logs').insert({ line: 'x' })
  expect(db.any).toBe(db.reader)
  await db.writer('groups').insert({ name: 'a' })
  expect(db.any).toBe(db.writer)
  const lazy = db.lazy('logger')
  expect(lazy()).toBe(db.logger)
})

test('a row leads back to its session and request', async () => {
  const request = { url: '/x' }
  await using db = engines.open({ request, label: 'job' })
  await db.writer('groups').insert({ name: 'a' })
  const row = await db.writer('groups').first()
  expect(sessionOf(row as object)?.info.request).toBe(request)
  expect(sessionOf({})).toBeUndefined()
})

test('scopes find their container without being handed it, and outside there is none', async () => {
  expect(() => engines.current).toThrow(expect.objectContaining({ code: 'EL_NO_SCOPE' }))
  // Two connections for three scopes: one waits for a connection that another has left clean.
  const requests = await Promise.all(
    ['a', 'b', 'c'].map(name =>
      engines.scope(async () => {
        await engines.current.writer('groups').insert({ name })
        await new Promise(resolve => setTimeout(resolve, 5))
        expect(await engines.current.writer('groups').select('name').where({ name })).toEqual([{ name }])
        await engines.current.writer.commit()
        return engines.current.info.requestId
      }),
    ),
  )
  expect(new Set(requests).size).toBe(3)
  expect(await count('groups')).toBe(3)
})

test('a wrong number of parameters fails the statement, not the connection', async () => {
  const db = engines.open()
  await expect(db.writer.query('select $1::int', [1, 2])).rejects.toMatchObject({ code: '08P01' })
  expect(db.writer.state).toBe('failed')
  await db.end()
})

test('a method that is called without its session says so', () => {
  const { commit } = engines.open().writer
  expect(() => commit()).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', message: expect.stringMatching(/without its session/) }),
  )
})

test('a read engine streams from its own builder', async () => {
  await database.admin(`insert into groups (name) values ('a'), ('b')`)
  await using db = engines.open()
  const names: unknown[] = []
  for await (const row of db.reader.stream(db.reader('groups').select('name').orderBy('name')))
    names.push(row)
  expect(names).toEqual([{ name: 'a' }, { name: 'b' }])
})

test('a statement is told to have queued behind its session alone, not for a connection or BEGIN', async () => {
  const { messages, stop } = listen('statement')
  const db = engines.open()
  await Promise.all([db.writer.query('select pg_sleep(0.05)'), db.writer.query('select 2')])
  await db.end()
  stop()
  const queued = messages.flatMap(message =>
    message.channel === 'enginelight:statement' && message.phase === 'start'
      ? [[message.text, message.queuedMs] as const]
      : [],
  )
  expect(queued.map(([text]) => text)).toEqual(['BEGIN', 'select pg_sleep(0.05)', 'select 2', 'ROLLBACK'])
  expect(queued[1]?.[1]).toBeLessThan(1)
  expect(queued[2]?.[1]).toBeGreaterThan(45)
})

test('after a COMMIT that was sent as text and failed, the next statement is in a transaction of its own', async () => {
  const db = engines.open()
  await db.writer('children').insert({ id: 1, parent_id: 99 })
  await expect(db.writer.raw('commit')).rejects.toMatchObject({ code: '23503' })
  await db.writer('groups').insert({ name: 'not by itself' })
  expect(await count('groups')).toBe(0)
  await db.end()
  expect(await count('groups')).toBe(0)
})

test('a statement that waits behind such a COMMIT neither', async () => {
  const db = engines.open()
  await db.writer('children').insert({ id: 1, parent_id: 99 })
  const committing = db.writer.query('commit')
  const behind = db.writer.query(`insert into groups (name) values ('not by itself')`)
  await expect(committing).rejects.toMatchObject({ code: '23503' })
  await behind
  expect(db.writer.state).toBe('active')
  expect(await count('groups')).toBe(0)
  await db.end()
  expect(await count('groups')).toBe(0)
})
