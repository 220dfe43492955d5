import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { expect, test } from 'vitest'
import { notesDatabase, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf } from './pg.ts'
import { ending } from '../../testing/ending.ts'

testHost({
  name: 'pg',
  async open({ url }) {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    return {
      pool,
      async begin() {
        const client = await pool.connect()
        await client.query('BEGIN')
        const end = async (text: string) => {
          await client.query(text)
          client.release()
        }
        return {
          ...transactionOn(client),
          commit: () => end('COMMIT'),
          rollback: () => end('ROLLBACK'),
        }
      },
      close: () => pool.end(),
    }
  },
})

function transactionOn(client: pg.PoolClient): HostTransaction {
  const transaction: HostTransaction = {
    connection: connectionOf(client),
    insert: body => client.query('insert into notes (body) values ($1)', [body]),
    bodies: async () =>
      (await client.query('select body from notes order by body')).rows.map(({ body }) => body),
    pid: async () => (await client.query('select pg_backend_pid() pid')).rows[0].pid,
    async nested(work) {
      await client.query('SAVEPOINT of_the_host')
      try {
        const result = await work(transaction)
        await client.query('RELEASE SAVEPOINT of_the_host')
        return result
      } catch (error) {
        await client.query('ROLLBACK TO SAVEPOINT of_the_host')
        throw error
      }
    },
  }
  return transaction
}

const database = notesDatabase()

test('one borrow for the application: each transaction keeps its token in an AsyncLocalStorage', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  const current = new AsyncLocalStorage<() => pg.PoolClient>()
  const { knex } = borrow({ connection: () => current.getStore()?.() })
  async function transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const result = await current.run(connectionOf(client), () => work(client))
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }
  let late: (() => Promise<unknown>) | undefined
  await Promise.all([
    transaction(async client => {
      await client.query("insert into notes (body) values ('host')")
      await knex('notes').insert({ body: 'knex' })
      late = AsyncLocalStorage.bind(async () => knex('notes').insert({ body: 'too late' }))
    }),
    transaction(async () => {
      await knex('notes').insert({ body: 'undone' })
      throw new Error('no')
    }).catch(() => {}),
  ])
  await expect(late!()).rejects.toMatchObject({
    code: 'EL_LEASE_ENDED',
    message: expect.stringContaining('the host has released it'),
  })
  const rows = await database.admin('select body from notes order by body')
  expect(rows).toEqual([{ body: 'host' }, { body: 'knex' }])
})

test('what is no client is named', () => {
  const pool = new pg.Pool({ connectionString: database.url })
  expect(() => connectionOf(pool as never)).toThrow(/was given a pool: give what pool\.connect\(\)/)
  expect(() => connectionOf(undefined as never)).toThrow(/something without a query\(\) method/)
})
