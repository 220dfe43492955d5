import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Knex } from 'knex'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { engineReports } from '../channels/engine-reports.ts'
import { createDatabase } from '../testing/database.ts'
import { listen } from '../testing/story.ts'
import { knowSqlite, sqliteKnex } from '../testing/sqlite/sqlite.ts'

// A dialect that stands outside of this library: nothing in it knows SQLite, and SQLite lacks what only a server has.
knowSqlite()

let folder: string
let knex: Knex
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginelight-sqlite-'))
  knex = sqliteKnex(join(folder, 'shop.db'))
  await knex.raw('create table orders (id integer primary key, note text)')
})
afterEach(async () => {
  await knex.destroy()
  await rm(folder, { recursive: true, force: true })
})

const notes = async () => (await knex('orders').orderBy('id').pluck('note')) as string[]

test('a container commits, rolls back, and begins anew', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  await engines.scope(async db => {
    await db.main('orders').insert({ note: 'kept' })
    expect(await db.main('orders').first()).toEqual({ id: 1, note: 'kept' })
    await db.commit()
    await db.main('orders').insert({ note: 'undone' })
    await db.rollback()
    expect(await db.main('orders').count({ n: '*' })).toEqual([{ n: 1 }])
  })
  expect(await notes()).toEqual(['kept'])
})

test('savepoints and knex.transaction() on a session are units', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  await engines.scope(async db => {
    await db.main('orders').insert({ note: 'before' })
    const failed = db.main.savepoint(async () => {
      await db.main('orders').insert({ note: 'undone' })
      throw new Error('mine')
    })
    await expect(failed).rejects.toThrow('mine')
    await db.main.knex.transaction(async trx => {
      await trx('orders').insert({ note: 'inside' })
    })
    await db.commit()
  })
  expect(await notes()).toEqual(['before', 'inside'])
})

test('a run commits by itself, and a failed statement is the own error of the database', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  await engines.run(async db => {
    await db.main('orders').insert({ note: 'run' })
    await expect(db.main('nowhere')).rejects.toMatchObject({ code: 'SQLITE_ERROR' })
  })
  expect(await notes()).toEqual(['run'])
})

test('an unfinished unit is rolled back at its end', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  const failed = engines.scope(async db => {
    await db.main('orders').insert({ note: 'lost' })
    throw new Error('mine')
  })
  await expect(failed).rejects.toThrow('mine')
  expect(await notes()).toEqual([])
})

test('observers hear each statement and transaction, with what is known, and unknown as null', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  const { messages, stop } = listen()
  await engines.scope(async db => {
    await db.main('orders').insert({ note: 'told' })
    await db.commit()
  })
  await knex('orders').first()
  stop()
  const texts = messages.filter(one => 'text' in one).map(one => (one as { text: string }).text)
  expect(texts).toEqual([
    'BEGIN',
    'insert into `orders` (`note`) values (?)',
    'COMMIT',
    'select * from `orders` limit ?',
  ])
  const [report] = engineReports()
  expect(report?.description).toMatchObject({
    system: 'sqlite',
    serverAddress: null,
    serverPort: null,
    database: join(folder, 'shop.db'),
    transactions: 'told',
  })
  expect(report?.connections).toMatchObject([{ backendPid: null, status: 'I', transaction: null }])
})

test('an option that needs what SQLite lacks is refused before anything is opened', () => {
  const refused = (options: object) => () => createEngines({ main: engine()({ knex, ...options }) })
  expect(refused({ access: 'read' })).toThrow(
    'Engine "main": option access needs transactions that only read, which SQLite does not have.',
  )
  expect(refused({ statementTimeoutMs: 100 })).toThrow('needs a limit for statements')
  expect(refused({ idleInTransactionTimeoutMs: 100 })).toThrow('needs a limit for idle transactions')
  expect(refused({ resolveUnknownCommit: true })).toThrow(
    'needs a way to ask for the outcome of a lost COMMIT',
  )
})

test('a run that asks for what SQLite lacks is refused, and holds nothing', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  const run = (options: object) => engines.run(async db => void (await db.main('orders')), options)
  await expect(run({ readOnly: true })).rejects.toMatchObject({
    code: 'EL_CONFIG',
    message: expect.stringContaining('SQLite does not have transactions that only read'),
  })
  await expect(run({ isolation: 'repeatable read' })).rejects.toThrow('does not have the isolation level')
  await run({ isolation: 'serializable' })
  expect(engineReports()[0]?.used).toBe(0)
})

test('what cannot be asked says so: locks, prepared transactions, the tables for two phases', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  const observed = (await import('../channels/engine-reports.ts')).observedEngines()[0]
  expect(await observed?.askTruth?.([], 1_000)).toBe('SQLite does not tell of locks')
  expect(await engines.install()).toMatchObject([
    { installed: false, twoPhase: false, reasons: ['SQLite has no two-phase commit here'] },
  ])
})

test('beside PostgreSQL one commit covers both, one after the other, and says that', async () => {
  await using database = await createDatabase('create table orders (id serial primary key, note text)')
  await using engines = createEngines(
    { main: engine()({ knex }), other: engine()({ connection: database.url }) },
    { requireTwoPhase: false },
  )
  await engines.scope(async db => {
    await db.main('orders').insert({ note: 'both' })
    await db.other('orders').insert({ note: 'both' })
    const report = await db.commit()
    expect(report).toMatchObject({ mode: 'sequential' })
  })
  expect(await notes()).toEqual(['both'])
  expect(await database.admin('select note from orders')).toMatchObject([{ note: 'both' }])
})

test('stream() says that the driver has none', async () => {
  await using engines = createEngines({ main: engine()({ knex }) })
  await engines.scope(async db => {
    expect(() => db.main.stream('select 1')).toThrow('the driver of SQLite reads each result at once')
  })
})

test('lend() and borrow() are for the first database, and say so', async () => {
  const { lend } = await import('../sharing/index.ts')
  await using engines = createEngines({ main: engine()({ knex }) })
  await engines.scope(async db => {
    await expect(async () => lend(db.main)).rejects.toMatchObject({ code: 'EL_UNSUPPORTED_CLIENT' })
  })
})
