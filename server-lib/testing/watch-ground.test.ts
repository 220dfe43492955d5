import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { watchGround } from './watch-ground.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int)')))
afterAll(() => database.drop())

const open = (max = 2) => createEngines({ main: engine()({ connection: database.url, pool: { max } }) })

test('a scenario that leaves nothing behind is sound', async () => {
  await using watch = await watchGround(database, { max: 2 })
  const engines = open()
  await engines.scope(async db => void (await db.main('t').insert({ id: 1 })))
  await watch.expectSound(engines, { ends: {} })
})

test('a session that still holds its connection is not', async () => {
  await using watch = await watchGround(database, { max: 2 })
  const engines = open()
  const db = engines.open()
  await db.main('t').insert({ id: 1 })
  await expect(watch.expectSound(engines)).rejects.toThrow(/deeply equal/)
  await db.end()
  await watch.expectSound(engines, { ends: {} })
})

test('more backends than allowed, at any moment, are seen', async () => {
  await using watch = await watchGround(database, { max: 1 })
  const engines = open()
  await Promise.all([1, 2].map(() => engines.scope(db => db.main.query('select pg_sleep(0.2)'))))
  await expect(watch.expectSound(engines)).rejects.toThrow(/backends at once/)
  expect(watch.peak).toBe(2)
})

test.each([
  ['set search_path = pg_catalog'],
  ['set role pg_monitor'],
  ['listen news'],
  ['select pg_advisory_lock(1)'],
  ['prepare p as select 1'],
  ['create temp table left_behind (id int)'],
  ['declare c cursor with hold for select 1'],
])('a connection left with "%s" is not clean', async text => {
  await using watch = await watchGround(database, { max: 2 })
  const engines = open()
  const { knex } = engines.get('main')
  await knex.raw(text)
  await expect(watch.expectSound(engines)).rejects.toThrow()
  await knex.raw('reset role')
  await knex.raw('discard all')
  await watch.expectSound(engines)
})

test('a backend that the books do not know, a kill and a warning are seen', async () => {
  const stranger = new pg.Client(database.url)
  stranger.on('error', () => {})
  await stranger.connect()
  const engines = open()
  await engines.warmup()
  {
    await using watch = await watchGround(database, { max: 2 })
    await expect(watch.expectSound(engines)).rejects.toThrow(/deeply equal/)
    await database.admin(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )
    await expect(watch.expectSound(engines, { ends: { killed: 1 } })).rejects.toThrow(/deeply equal/)
    await watch.expectSound(undefined, { ends: { killed: 2 } })
  }
  {
    await using watch = await watchGround(database, { max: 2 })
    process.emit('warning', Object.assign(new Error('11 listeners'), { name: 'MaxListenersExceededWarning' }))
    await expect(watch.expectSound()).rejects.toThrow(/trouble of the process/)
  }
})
