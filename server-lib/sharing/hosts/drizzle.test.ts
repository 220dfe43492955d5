import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { heldOpen, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { connectionOf } from './drizzle.ts'

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
