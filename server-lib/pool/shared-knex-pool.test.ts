import knexFactory, { type Knex } from 'knex'
import * as knexModule from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'

/** Not in knex's types. It has tarn's properties. */
interface SharedPool {
  readonly free: readonly { resource: pg.Client }[]
  numUsed(): number
  numFree(): number
  destroy(): Promise<void>
}
const { KnexPool } = (knexModule.default ?? knexModule) as unknown as {
  KnexPool: new (options: object) => SharedPool
}

let database: TestDatabase
let pool: SharedPool
beforeAll(async () => {
  database = await createDatabase('create table t (id int)')
})
beforeEach(() => (pool = poolOf()))
afterEach(async () => {
  await expectQuiet(database)
  await pool.destroy()
  await expectBackends(database, 0)
})
afterAll(() => database.drop())

/** A pool without a `validate` of its own. */
const poolOf = () =>
  new KnexPool({
    async create() {
      const client = new pg.Client(database.url)
      client.on('error', () => {})
      await client.connect()
      return client
    },
    destroy: (client: pg.Client) => client.end(),
    min: 0,
    max: 2,
  })
const configOf = (connectionPool: unknown) => ({ client: 'pg', connectionPool }) as Knex.Config
const knexOn = (connectionPool: unknown) => knexFactory(configOf(connectionPool))

test('knexes that share a pool of knex are watched through it, and one has sessions', async () => {
  const [one, other] = [knexOn(pool), knexOn(pool)]
  await using engines = createEngines({ main: engine()({ knex: one }) })
  const { messages, stop } = listen()
  await engines.run(async db => {
    await db.main('t').insert({ id: 1 })
  })
  await one('t').insert({ id: 2 })
  await other.transaction(trx => trx('t').insert({ id: 3 }))
  stop()
  expect(await database.admin('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  const texts = messages.flatMap(message => ('text' in message ? [message.text] : []))
  expect(texts.filter(text => text.startsWith('insert'))).toHaveLength(3)
  expect(() => createEngines({ other: engine()({ knex: other }) })).toThrow(/another engine has already/)
  await engines.close()
  // It still works, and other engines may watch it.
  await other('t').delete()
  await createEngines({ other: engine()({ knex: other }) }).close()
})

test('a connection that a session discards is nobody’s again, though the pool checks none', async () => {
  const knex = knexOn(pool)
  await using engines = createEngines({ main: engine()({ knex }) })
  const pid = () =>
    engines.run(async db => (await db.main.query('select pg_backend_pid() as pid')).rows[0]?.pid)
  const first = await pid()
  const broken = engines.open()
  await broken.main.query('select 1')
  expect(broken.main.identity?.backendPid).toBe(first)
  const killed = expect(broken.main.query('select pg_sleep(60)')).rejects.toThrow()
  await database.admin('select pg_terminate_backend($1)', [first])
  await killed
  await broken.end()
  expect(await knex.raw('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] })
  expect(await pid()).not.toBe(first)
  await engines.close()
  expect(await knex.raw('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] })
})

test('close() leaves a shared pool as it was, and one that a function made is closed with its engine', async () => {
  const knex = knexOn(pool)
  await knex.raw('select 1')
  const shape = () => [pool, pool.free[0]?.resource].map(target => Reflect.ownKeys(target as object))
  const before = shape()
  for (const source of [knex, configOf(pool)]) {
    await using engines = createEngines({ main: engine()({ knex: source as Knex }) })
    await engines.run(db => db.main.raw('select 1'))
    await engines.close()
    expect(shape()).toEqual(before)
  }
  expect(await knex.raw('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] })
  await pool.destroy()
  await using made = createEngines({ main: engine()({ knex: () => knexOn(poolOf()) }) })
  await made.run(db => db.main.raw('select 1'))
  await made.reinit('main')
  await made.run(db => db.main.raw('select 1'))
  await made.close()
  await expectBackends(database, 0)
})

test('a knex that was handed the pool of another is watched, and one with a pool of neither kind is refused', async () => {
  const first = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
  const second = knexFactory({ client: 'pg' })
  second.client.pool = first.client.pool
  await using engines = createEngines({ main: engine()({ knex: second }) })
  expect(await engines.run(db => db.main.raw('select 1 as one'))).toMatchObject({ rows: [{ one: 1 }] })
  await engines.close()
  await first.destroy()
  const acquire = () => ({ promise: Promise.reject(new Error('none')) })
  const names = ['release', 'destroy', 'numFree', 'numUsed', 'numPendingAcquires']
  const strange = Object.assign(Object.fromEntries(names.map(name => [name, () => 0])), { acquire })
  expect(() => createEngines({ main: engine()({ knex: knexOn(strange) }) })).toThrow(
    /neither a pg.Pool nor a pool of knex/,
  )
})
