import { AsyncLocalStorage } from 'node:async_hooks'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { expect, test } from 'vitest'
import { heldOpen, notesDatabase, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf } from './drizzle.ts'
import { ending } from '../../testing/ending.ts'

const notes = pgTable('notes', { id: serial().primaryKey(), body: text().notNull().unique() })

testHost({
  name: 'Drizzle',
  async open({ url }) {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    const db = drizzle(pool)
    type Transaction = Parameters<Parameters<typeof db.transaction>[0]>[0]
    const transactionOn = (tx: Transaction): HostTransaction => ({
      connection: () => connectionOf(tx),
      insert: body => tx.insert(notes).values({ body }),
      bodies: async () => (await tx.select().from(notes).orderBy(notes.body)).map(({ body }) => body),
      pid: async () => Number((await tx.execute(sql`select pg_backend_pid() pid`)).rows[0]!.pid),
      nested: work => tx.transaction(inner => work(transactionOn(inner))),
    })
    return {
      pool,
      async begin() {
        const { tx, ...end } = await heldOpen<Transaction>(work => db.transaction(work))
        return { ...transactionOn(tx), ...end }
      },
      close: () => pool.end(),
    }
  },
})

const database = notesDatabase()

test('one borrow for the application: the transaction of the context', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 2 }))
  const db = drizzle({ client: pool })
  type Transaction = Parameters<Parameters<typeof db.transaction>[0]>[0]
  const current = new AsyncLocalStorage<Transaction>()
  const { knex } = borrow({
    connection: () => {
      const tx = current.getStore()
      return tx && connectionOf(tx)
    },
  })
  const inTransaction = (work: (tx: Transaction) => Promise<unknown>) =>
    db.transaction(tx => current.run(tx, () => work(tx)))
  const seen = await Promise.all(
    ['a', 'b'].map(body =>
      inTransaction(async tx => {
        await tx.insert(notes).values({ body })
        return knex('notes').where({ body }).pluck('body')
      }),
    ),
  )
  expect(seen).toEqual([['a'], ['b']])
  await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
})

test('a database on one client, whose transactions the application begins itself', async () => {
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  const client = await pool.connect()
  const db = drizzle(client)
  const { knex } = borrow({ connection: () => connectionOf(db) })
  for (const body of ['a', 'b']) {
    await db.execute(sql`begin`)
    await db.insert(notes).values({ body })
    await knex('notes').insert({ body: `${body} of knex` })
    await db.execute(sql`rollback`)
  }
  client.release()
  await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
  const another = await pool.connect()
  await another.query('begin')
  await expect(knex('notes').insert({ body: 'in a foreign transaction' })).rejects.toMatchObject({
    code: 'EL_LEASE_ENDED',
  })
  await another.query('commit')
  another.release()
  expect(() => connectionOf(drizzle(pool))).toThrow(/a database of Drizzle on a pool/)
  expect(() => connectionOf({} as never)).toThrow(/no transaction of Drizzle on node-postgres/)
})
