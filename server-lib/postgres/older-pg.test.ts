import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EnginelightError } from '../channels/errors.ts'
import { createEngines, engine } from '../index.ts'
import { borrow, lend } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { statusOf } from './transaction-status.ts'

/** What applications really install: each its own copy of pg, beside the one that satisfies our peer. */
const COPIES = ['pg811', 'pg813', 'pg816', 'pg820', 'pg']

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (id int primary key)')))
afterAll(() => database.drop())

/** Resolves to the codes of our warnings as they come. */
function warnings(): { codes: string[]; stop(): void } {
  const codes: string[] = []
  const onWarning = (warning: Error & { code?: string }) => codes.push(String(warning.code))
  process.on('warning', onWarning)
  return { codes, stop: () => void process.removeListener('warning', onWarning) }
}

const codeOf = (error: unknown) => (error as EnginelightError).code

describe.each(COPIES)('with a pool of %s', copy => {
  const { Client, Pool, Query } = createRequire(import.meta.url)(copy) as typeof pg
  let pool: pg.Pool
  beforeAll(async () => {
    await database.admin('truncate t')
    pool = new Pool({ connectionString: database.url, max: 2 })
    pool.on('error', () => {})
  })
  afterAll(async () => {
    await pool.end()
    await expectBackends(database, 0)
  })

  const ids = async () => (await database.admin('select id from t order by id')).map(row => row.id)

  test('a transaction of the application is told from its BEGIN to its COMMIT, and failed in between', async () => {
    await using engines = createEngines({ main: engine()({ pool }) })
    const { told, stop } = listen('transaction')
    const client = await pool.connect()
    await client.query('begin')
    await client.query('select 1')
    await expect(client.query('select nothing')).rejects.toMatchObject({ code: '42703' })
    await client.query('rollback')
    await client.query('begin; insert into t values (1)')
    await client.query('commit')
    client.release()
    expect(told()).toEqual([
      'transaction start',
      'transaction failed',
      'transaction rolled back',
      'transaction start',
      'transaction committed',
    ])
    stop()
    await engines.close()
    expect(await ids()).toEqual([1])
  })

  test('a transaction that stands idle is warned of', async () => {
    await using engines = createEngines({ main: engine()({ pool, idleInTransactionWarningMs: 50 }) })
    const { codes, stop } = warnings()
    const client = await pool.connect()
    await client.query('begin')
    for (let i = 0; i < 40 && codes.length === 0; i++) await sleep(100)
    expect(codes).toEqual(['EL_HELD_LONG'])
    expect(engines.names).toEqual(['main'])
    await client.query('rollback')
    client.release()
    stop()
  })

  test('what a leaker left open is rolled back before a run, on connections that were opened before we watched too', async () => {
    const leak = async (id: number) => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('insert into t values ($1)', [id])
      return client
    }
    const before = await Promise.all([leak(100), leak(101)])
    for (const client of before) client.release()
    await using engines = createEngines({ main: engine()({ pool }) })
    const { codes, stop } = warnings()
    const count = (db: { main: { query(text: string): Promise<{ rows: { n: number }[] }> } }) =>
      db.main.query('select count(*)::int as n from t where id >= 100')
    await engines.run(async one => {
      expect((await count(one)).rows).toEqual([{ n: 0 }])
      const { rows } = await engines.run(count, { propagation: 'new' })
      expect(rows).toEqual([{ n: 0 }])
    })
    const after = await Promise.all([leak(102), leak(103)])
    for (const client of after) client.release()
    await engines.run(async db => void (await db.main.query('insert into t values (2)')))
    await sleep(0)
    expect(codes).toEqual(['EL_LEFT_OPEN', 'EL_LEFT_OPEN', 'EL_LEFT_OPEN'])
    stop()
    await engines.close()
    expect((await ids()).filter(id => (id as number) >= 100)).toEqual([])
  })

  test('a commit after a failure that was swallowed is no commit, and what can be sent is sent with BEGIN', async () => {
    await using engines = createEngines({ main: engine()({ pool }) })
    await expect(
      engines.scope(async db => {
        await db.main.query('insert into t values (3)')
        await db.main.query('insert into t values ($1)', [3]).catch(() => {})
        await db.main.commit()
      }),
    ).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
    await engines.run(async db => void (await db.main('t').insert({ id: 4 })))
    // No parameters: an older pg would send this with the protocol that takes no BEGIN along.
    await engines.run(async db => void (await db.main('t').select()))
    await engines.close()
    expect(await ids()).not.toContain(3)
  })

  const unwritable = {
    toPostgres: () => {
      throw new Error('unwritable')
    },
  }

  test('a parameter that cannot be written costs the statement alone', async () => {
    await using engines = createEngines({ main: engine()({ pool, checkoutTimeoutMs: 1_000 }) })
    await engines.scope(async db => {
      await expect(db.main.query('select $1', [unwritable])).rejects.toThrow('unwritable')
      await db.main.rollback()
      expect((await db.main.query('select $1::int as one', [1])).rows).toEqual([{ one: 1 }])
      await db.main.query('insert into t values ($1)', [7])
      await expect(db.main.query('select $1', [unwritable])).rejects.toThrow('unwritable')
      const { client } = lend(db.main, { Pool })
      const named = { name: 'named', text: 'select $1::text', values: [unwritable] }
      await expect(client.query(named)).rejects.toThrow('unwritable')
      await expect(db.main.knex.raw('select ?', [unwritable as never])).rejects.toThrow('unwritable')
      await expect(db.main.savepoint(() => db.main.query('select $1', [unwritable]))).rejects.toThrow(
        'unwritable',
      )
      const query = new Query('select $1', [unwritable])
      const failed = new Promise(resolve => void (query as unknown as EventEmitter).once('error', resolve))
      client.query(query as never)
      expect(await failed).toMatchObject({ message: 'unwritable' })
      await db.main.commit()
    })
    await engines.close()
    expect(await ids()).toContain(7)
    expect(pool.waitingCount).toBe(0)
  })

  test('a parameter that cannot be written costs nothing that waits behind it', async () => {
    await using engines = createEngines({ main: engine()({ pool, mode: 'autocommit' }) })
    const given = [1, unwritable, 2, unwritable, 3]
    const told = await engines.scope(db =>
      Promise.allSettled([
        db.main.query('select nothing'),
        ...given.map(value => db.main.query('select $1::int as n', [value])),
      ]),
    )
    expect(told.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  test('a parameter of a borrower that cannot be written costs its host nothing', async () => {
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query('begin')
    const { engine: borrowed } = borrow({ connection: () => client as never })
    await using engines = createEngines({ host: borrowed })
    await engines.scope(async db => {
      const refused = () =>
        expect(db.host.query('select $1::int', [unwritable])).rejects.toThrow('unwritable')
      await refused()
      await db.host.savepoint(async () => {
        await refused()
        await db.host.query('insert into t values (8)')
      })
    })
    await client.query('commit')
    await engines.close()
    await client.end()
    expect(await ids()).toContain(8)
  })

  test('a borrower knows the host transaction, which it cannot fail', async () => {
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query('begin')
    const { engine: borrowed } = borrow({ connection: () => client as never })
    await using engines = createEngines({ host: borrowed })
    await engines.scope(async db => {
      await db.host.query('insert into t values (5)')
      await expect(db.host.query('insert into t values (5)')).rejects.toMatchObject({ code: '23505' })
      await db.host.query('select 1')
    })
    await client.query('commit')
    const outside = await engines
      .scope(async db => db.host.query('select 1'))
      .catch((error: unknown) => codeOf(error))
    expect(outside).toBe('EL_NO_HOST_TRANSACTION')
    await engines.close()
    await client.end()
    expect(await ids()).toContain(5)
  })

  test('its Pool can be that of a lent session', async () => {
    await using engines = createEngines({ main: engine()({ pool }) })
    await engines.run(async db => {
      const lent = lend(db.main, { Pool })
      expect(lent.pool).toBeInstanceOf(Pool)
      await lent.pool.query('insert into t values ($1)', [6])
    })
    await engines.close()
    expect(await ids()).toContain(6)
  })

  test('closing leaves nothing on its connections', async () => {
    const client = await pool.connect()
    const wire = (client as unknown as { connection: NodeJS.EventEmitter }).connection
    const before = wire.listenerCount('readyForQuery')
    const own = Object.keys(wire)
    await using engines = createEngines({ main: engine()({ pool }) })
    await client.query('begin')
    expect(statusOf(client as never)).toBe('open')
    await client.query('rollback')
    await engines.close()
    expect(wire.listenerCount('readyForQuery')).toBe(before)
    expect(Object.keys(wire)).toEqual(own)
    client.release()
  })
})
