import knexFactory, { type Knex } from 'knex'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
let plain: Knex
const options = {
  client: 'pg',
  compileSqlOnError: false,
  postProcessResponse: (answer: unknown, context: unknown) => (context ? { answer, context } : answer),
}
beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text unique)')
  plain = knexFactory({ ...options, connection: database.url, pool: { min: 0, max: 1 } })
})
beforeEach(() =>
  database.admin(`truncate t restart identity; insert into t (name) values ('a'), ('b'), ('c')`),
)
afterEach(() => expectQuiet(database))
afterAll(async () => {
  await plain.destroy()
  await database.drop()
})

/** Each is built and run on a session and on plain knex, and must give the same result. */
const BUILDERS: Record<string, (db: any) => PromiseLike<unknown>> = {
  select: db => db('t').select('id', 'name').orderBy('id'),
  first: db => db('t').where({ name: 'b' }).first(),
  'first of none': db => db('t').where({ name: 'z' }).first(),
  pluck: db => db('t').orderBy('id').pluck('name'),
  insert: db => db('t').insert({ name: 'd' }),
  returning: db => db('t').insert({ name: 'd' }).returning(['id', 'name']),
  'returning one': db => db('t').where({ id: 1 }).update({ name: 'e' }, 'name'),
  update: db => db('t').where({ id: 1 }).update({ name: 'f' }),
  delete: db => db('t').where('id', '>', 1).del(),
  count: db => db('t').count('* as n'),
  context: db => db('t').queryContext({ mine: true }).select('id').limit(1),
  'question mark': db => db.raw(`select ?::text as "a\\?b", '{"k":1}'::jsonb \\? 'k' as has`, ['x']),
  raw: db => db.raw('select name from t where id = ?', [2]).then((result: any) => result.rows),
  schema: db => db.schema.hasTable('t'),
  debugged: db => db('t').where({ id: 1 }).select('name').debug(false),
  'unique violation': db => db('t').insert({ name: 'a' }),
  'unknown column': db => db('t').select('nope'),
  'undefined binding': db => db('t').where({ id: undefined }),
  'empty insert': db => db('t').insert([]),
}

const outcome = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    value => ({ value }),
    (error: Error & { code?: string }) => ({ message: error.message, code: error.code, name: error.name }),
  )

test.each(Object.keys(BUILDERS))('%s on a session comes to what it comes to on plain knex', async name => {
  const build = BUILDERS[name] as (typeof BUILDERS)[string]
  const expected = await outcome(build(plain))
  await database.admin(`truncate t restart identity; insert into t (name) values ('a'), ('b'), ('c')`)
  await using engines = createEngines({ main: engine()({ knex: { ...options, connection: database.url } }) })
  const db = engines.open()
  expect(await outcome(build(db.main))).toEqual(expected)
  await db.end()
})

test('whoever listens hears what knex says, of the builder and of the knex', async () => {
  const own = knexFactory({ ...options, connection: database.url, pool: { min: 0, max: 1 } })
  await using engines = createEngines({ main: engine()({ knex: own }) })
  const db = engines.open()
  const heard: string[] = []
  await db
    .main('t')
    .select('id')
    .on('query', ({ sql }: { sql: string }) => heard.push(`builder ${sql}`))
    .on('end', () => heard.push('builder end'))
  own.on('start', () => heard.push('start'))
  own.on('query', ({ sql }: { sql: string }) => heard.push(sql))
  own.on('query-response', (rows: unknown[]) => heard.push(`${rows.length} rows`))
  own.on('query-error', (error: { code: string }) => heard.push(error.code))
  await db.main('t').select('id')
  await expect(db.main('t').select('nope')).rejects.toMatchObject({ code: '42703' })
  expect(heard).toEqual([
    'builder select "id" from "t"',
    'builder end',
    'start',
    'select "id" from "t"',
    '3 rows',
    'start',
    'select "nope" from "t"',
    '42703',
  ])
  await db.end()
  await engines.close()
  await own.destroy()
})

test("a dialect of the application's own runs its statements in its own way", async () => {
  const { constructor: Dialect } = plain.client as { constructor: new (config: object) => Stock }
  interface Stock {
    query(...args: unknown[]): unknown
  }
  class Counting extends Dialect {
    static count = 0
    override query(...args: unknown[]) {
      Counting.count++
      return super.query(...args)
    }
  }
  await using engines = createEngines({
    main: engine()({ knex: { ...options, client: Counting as never, connection: database.url } }),
  })
  const db = engines.open()
  expect(await db.main('t').pluck('name')).toHaveLength(3)
  expect(Counting.count).toBe(1)
  await db.end()
})

test("an instrumentation that has wrapped knex's runner sees the statements of sessions", async () => {
  const runner = Object.getPrototypeOf(plain.client.runner(plain('t'))) as {
    query(obj: { sql: string }): unknown
  }
  const original = runner.query
  const seen: string[] = []
  runner.query = Object.assign(
    function query(this: object, obj: { sql: string }) {
      seen.push(obj.sql)
      return Reflect.apply(original, this, [obj])
    },
    { __wrapped: true },
  )
  try {
    await using engines = createEngines({
      main: engine()({ knex: { ...options, connection: database.url } }),
    })
    const db = engines.open()
    expect(await db.main('t').pluck('name')).toHaveLength(3)
    expect(seen).toEqual(['select "name" from "t"'])
    await db.end()
  } finally {
    runner.query = original
  }
})
