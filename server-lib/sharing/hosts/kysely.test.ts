import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import {
  CamelCasePlugin,
  Kysely,
  PostgresDialect,
  sql,
  type ControlledTransaction,
  type Generated,
  type Transaction,
} from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'
import { notesDatabase, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf, watchPool } from './kysely.ts'

interface Tables {
  notes: { id: Generated<number>; body: string }
}

testHost({
  name: 'Kysely',
  async open({ url }) {
    const pool = watchPool(new pg.Pool({ connectionString: url, max: 2 }))
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    let savepoints = 0
    const transactionOn = (trx: ControlledTransaction<Tables, string[]>): HostTransaction => ({
      connection: () => connectionOf(trx),
      insert: body => trx.insertInto('notes').values({ body }).execute(),
      bodies: async () =>
        (await trx.selectFrom('notes').select('body').orderBy('body').execute()).map(({ body }) => body),
      pid: async () => (await sql<{ pid: number }>`select pg_backend_pid() pid`.execute(trx)).rows[0]!.pid,
      async nested(work) {
        const name = `host_${++savepoints}`
        const inner = await trx.savepoint(name).execute()
        try {
          const result = await work(transactionOn(inner))
          await inner.releaseSavepoint(name).execute()
          return result
        } catch (error) {
          await inner.rollbackToSavepoint(name).execute()
          throw error
        }
      },
    })
    return {
      pool,
      async begin() {
        const trx = await db.startTransaction().execute()
        return {
          ...transactionOn(trx),
          commit: () => trx.commit().execute(),
          rollback: () => trx.rollback().execute(),
        }
      },
      close: () => db.destroy(),
    }
  },
})

const database = notesDatabase()

const poolOf = ({ url }: { url: string }, max = 2) => new pg.Pool({ connectionString: url, max })
const on = (pool: pg.Pool, sent: string[] = []) =>
  new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
    log: ({ query }) => void sent.push(query.sql),
  })

test('one borrow for the application, and one question for each client', async () => {
  const sent: string[] = []
  const db = on(watchPool(poolOf(database)), sent)
  const current = new AsyncLocalStorage<Transaction<Tables>>()
  const { knex } = borrow({
    connection: () => {
      const trx = current.getStore()
      return trx && connectionOf(trx)
    },
  })
  for (let round = 0; round < 3; round++) {
    const seen = await Promise.all(
      ['a', 'b'].map(body =>
        db.transaction().execute(trx =>
          current.run(trx, async () => {
            await trx.insertInto('notes').values({ body }).execute()
            await knex('notes').insert({ body: `${body} of knex` })
            const bodies = await knex('notes').where('body', 'like', `${body}%`).orderBy('id').pluck('body')
            await trx.deleteFrom('notes').execute()
            return bodies
          }),
        ),
      ),
    )
    expect(seen).toEqual([
      ['a', 'a of knex'],
      ['b', 'b of knex'],
    ])
  }
  expect(sent.filter(text => text.includes('pg_backend_pid'))).toHaveLength(2)
  await db.destroy()
})

test('a pool that is not watched, and what is no transaction, is named', async () => {
  const db = on(poolOf(database))
  await db.transaction().execute(async trx => {
    await expect(connectionOf(trx)).rejects.toMatchObject({
      code: 'EL_NO_HOST_CONNECTION',
      message: expect.stringContaining('watchPool(new pg.Pool(…))'),
    })
    await expect(connectionOf(trx, { pool: poolOf(database) })).rejects.toThrow(
      /the pool given is not watched/,
    )
  })
  await expect(connectionOf(db)).rejects.toThrow(/no transaction of Kysely/)
  expect(() => watchPool({} as never)).toThrow(/no pg\.Pool/)
  await db.destroy()
})

test('a transaction that has failed is told as such', async () => {
  const db = on(watchPool(poolOf(database)))
  const trx = await db.startTransaction().execute()
  await sql`select 1/0`.execute(trx).catch(() => {})
  await expect(connectionOf(trx)).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
  await trx.rollback().execute()
  await expect(connectionOf(trx)).rejects.toMatchObject({
    code: 'EL_LEASE_ENDED',
    cause: { message: 'Transaction is already rolled back' },
  })
  await db.destroy()
})

test('two servers with a backend of the same number: the pool says which', async () => {
  const [pool, other] = [watchPool(poolOf(database)), watchPool(poolOf(database))]
  const db = on(pool)
  await db.transaction().execute(async trx => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() pid`.execute(trx)
    const twin = (await other.connect()) as pg.PoolClient & { processID: number }
    twin.release()
    // Poses as a client of another server with the same process id.
    twin.processID = rows[0]!.pid
    await other.connect()
    await expect(connectionOf(trx)).rejects.toThrow(/2 clients of watched pools are on a backend/)
    expect(await connectionOf(trx, { pool })).not.toBe(twin)
    twin.release()
  })
  await other.end()
  await db.destroy()
})

test('watching a pool leaves two listeners on it, however often, and nothing on its clients', async () => {
  const [pool, plain] = [poolOf(database), poolOf(database)]
  watchPool(watchPool(pool))
  expect([pool.listenerCount('acquire'), pool.listenerCount('release')]).toEqual([1, 1])
  const [client, other] = [await pool.connect(), await plain.connect()]
  expect(Reflect.ownKeys(client)).toEqual(Reflect.ownKeys(other))
  expect(client.eventNames()).toEqual(other.eventNames())
  client.release()
  other.release()
  await Promise.all([pool.end(), plain.end()])
})

test('Kysely is the newest, where that was asked for', async () => {
  const { ENGINELIGHT_NEWEST: folder } = process.env
  const newest = async () => {
    const entry = createRequire(`${folder}/x.js`).resolve('kysely')
    return ((await import(pathToFileURL(entry).href)) as { Kysely: unknown }).Kysely
  }
  expect(folder === undefined ? Kysely : await newest()).toBe(Kysely)
})
