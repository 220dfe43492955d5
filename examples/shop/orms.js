import { AsyncLocalStorage } from 'node:async_hooks'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, primaryKey } from 'drizzle-orm/pg-core'
import { DataSource, EntitySchema } from 'typeorm'
import { borrow } from 'enginelight/sharing'
import * as fromDrizzle from 'enginelight/sharing/drizzle'
import * as fromTypeorm from 'enginelight/sharing/typeorm'

/** A review, as TypeORM knows it. */
export const Review = new EntitySchema({
  name: 'Review',
  tableName: 'reviews',
  columns: {
    id: { type: Number, primary: true, generated: true },
    productId: { name: 'product_id', type: Number },
    customerId: { name: 'customer_id', type: Number },
    stars: { type: Number },
    words: { type: String },
  },
})

/** A wish, as Drizzle knows it. */
export const wishTable = pgTable(
  'wishes',
  { customerId: integer('customer_id').notNull(), productId: integer('product_id').notNull() },
  wish => [primaryKey({ columns: [wish.customerId, wish.productId] })],
)

/**
 * How to find the connection of whichever ORM has a transaction open here.
 *
 * @type {AsyncLocalStorage<() => ReturnType<import('enginelight/sharing').CurrentConnection>>}
 */
const host = new AsyncLocalStorage()

/** Our statements on the connection of the ORM whose transaction we are in: one for the whole shop. */
export const borrowed = borrow({ connection: () => host.getStore()?.() })

/**
 * The two ORMs of the shop, on one pool. What runs inside of `typeorm(fn)` or `drizzle(fn)` finds their connection.
 *
 * @param {string} url
 */
export async function openOrms(url) {
  const source = await new DataSource({ type: 'postgres', url, entities: [Review], poolSize: 2 }).initialize()
  const pool = /** @type {import('pg').Pool} */ (
    /** @type {{ master?: unknown }} */ (/** @type {unknown} */ (source.driver)).master
  )
  const database = drizzle(pool)
  return {
    pool,
    /** @template T @param {(manager: import('typeorm').EntityManager) => Promise<T>} fn */
    typeorm: fn =>
      source.transaction(manager =>
        host.run(
          () => fromTypeorm.connectionOf(manager),
          () => fn(manager),
        ),
      ),
    /** @template T @param {(tx: Parameters<Parameters<typeof database['transaction']>[0]>[0]) => Promise<T>} fn */
    drizzle: fn =>
      database.transaction(tx =>
        host.run(
          () => fromDrizzle.connectionOf(tx),
          () => fn(tx),
        ),
      ),
    close: () => source.destroy(),
  }
}

/** @typedef {Awaited<ReturnType<typeof openOrms>>} Orms */
