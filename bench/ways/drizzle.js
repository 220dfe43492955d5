import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigserial, integer, pgTable, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { expectRow, NOTE } from '../unit.js'

const items = pgTable('items', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
  price: integer('price').notNull(),
})
const events = pgTable('events', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  itemId: integer('item_id').notNull(),
  note: text('note').notNull(),
})

export function open({ url, max }) {
  const pool = new pg.Pool({ connectionString: url, max })
  const db = drizzle({ client: pool })
  return {
    unit: id =>
      db.transaction(async tx => {
        const [item] = await tx.select().from(items).where(eq(items.id, id))
        await tx.insert(events).values({ itemId: id, note: NOTE })
        expectRow(item, id)
      }),
    close: () => pool.end(),
  }
}
