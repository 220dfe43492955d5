import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { tellKnex, tellPool, type Story } from '../testing/untouched-story.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase(`
    create table t (id serial primary key, name text);
    insert into t (name) values ('one');
  `)
})
afterAll(() => database.drop())

const WAYS = ['unwatched', 'watched', 'watched and heard', 'watched once'] as const

/** Runs the same steps with and without us. */
async function inEachWay(
  tell: (
    way: (typeof WAYS)[number],
    engines: (source: object) => { close(): Promise<unknown> },
  ) => Promise<Story>,
): Promise<Map<string, Story>> {
  const stories = new Map<string, Story>()
  for (const way of WAYS) {
    const { stop } = way === 'watched and heard' ? listen() : { stop: () => {} }
    const enginesOf = (source: object) =>
      way === 'unwatched' ? { close: async () => {} } : createEngines({ main: engine()(source as never) })
    try {
      stories.set(way, await tell(way, enginesOf))
    } finally {
      stop()
    }
  }
  return stories
}

test('a pg.Pool behaves the same, watched or not', async () => {
  const stories = await inEachWay(async (way, enginesOf) => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    pool.on('error', () => {})
    const engines = enginesOf({ pool })
    if (way === 'watched once') await engines.close()
    const story = await tellPool(pool)
    await engines.close()
    await pool.end()
    return story
  })
  const plain = stories.get('unwatched')
  expect(plain?.length).toBeGreaterThan(60)
  for (const way of WAYS) expect(stories.get(way), way).toEqual(plain)
  await expectBackends(database, 0)
})

test('a knex behaves the same, watched or not', async () => {
  const stories = await inEachWay(async (way, enginesOf) => {
    const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
    const engines = enginesOf({ knex })
    if (way === 'watched once') await engines.close()
    const story = await tellKnex(knex)
    await engines.close()
    await knex.destroy()
    await database.admin(`delete from t where name <> 'one'`)
    return story
  })
  const plain = stories.get('unwatched')
  expect(plain?.length).toBeGreaterThan(40)
  for (const way of WAYS) expect(stories.get(way), way).toEqual(plain)
})

/** Everything visible of an object: its own properties, and how many listeners each event has. */
function shapeOf(target: object): unknown {
  const emitter = target as {
    eventNames?(): (string | symbol)[]
    listeners?(name: string | symbol): unknown[]
  }
  const events = emitter.eventNames?.().map(name => [name, emitter.listeners?.(name)])
  const methods = ['query', 'connect', 'release', 'on', 'end'].map(name => [
    name,
    Object.getOwnPropertyDescriptor(target, name),
  ])
  return { keys: Reflect.ownKeys(target), events, methods: methods.filter(([name]) => name !== 'release') }
}

test('close() leaves a pool and its clients as they were, with a connection out and one idle', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 3 })
  const out = await pool.connect()
  const idle = await pool.connect()
  for (const client of [out, idle]) await client.query('select 1')
  idle.release()
  const wrapped = Object.assign(await pool.connect(), { query: out.query.bind(out) })
  const shapes = () => [pool, out, idle, wrapped].map(shapeOf)
  const before = shapes()
  const engines = createEngines({ main: engine()({ pool }) })
  expect(shapes()).not.toEqual(before)
  const { stop } = listen()
  await out.query('select 1')
  await pool.query('select 1')
  await engines.close()
  stop()
  expect(shapes()).toEqual(before)
  await out.query('select 1')
  out.release()
  wrapped.release(true)
  await pool.end()
})

test('close() leaves a knex, its client and its pool as they were', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
  await knex.raw('select 1')
  const { client } = knex
  const emitter = (client.pool as { emitter: object }).emitter
  const driver = (client.pool as { free: { resource: object }[] }).free[0]?.resource as object
  const shapes = () => [knex, client, client.pool, emitter, driver].map(shapeOf)
  const before = shapes()
  const engines = createEngines({ main: engine()({ knex }) })
  expect(shapes()).not.toEqual(before)
  const { stop } = listen()
  await knex.transaction(async trx => trx('t').first())
  await engines.close()
  stop()
  expect(shapes()).toEqual(before)
  await knex.destroy()
})

test('what was put over ours stays when we go, and ours passes on', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const engines = createEngines({ main: engine()({ pool }) })
  const ours = pool.connect as (...args: unknown[]) => unknown
  const theirs = function (this: pg.Pool, ...args: unknown[]) {
    return ours.apply(this, args)
  } as typeof pool.connect
  pool.connect = theirs
  await engines.close()
  const { messages, stop } = listen()
  expect(pool.connect).toBe(theirs)
  await pool.query('select 1')
  stop()
  expect(messages).toEqual([])
  await pool.end()
})
