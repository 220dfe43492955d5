import { charge } from './payments.js'
import { ShopError } from './shop-error.js'

/**
 * @typedef {{ productId: number, quantity: number }} Item
 * @typedef {{ customerId: number, items: Item[], coupon: string | null }} Wish
 */

/** How many shelves the warehouse has, numbered from 0. */
export const SHELVES = 10

/**
 * Places an order and has it paid. Stock, order and coupon in the shop's database and what the warehouse has to ship in
 * its own are one commit: all of it or nothing. The payment provider is asked after it: while we wait for the internet
 * no connection is held and no row is locked.
 *
 * @param {import('./shop.js').ShopDb} db
 * @param {Wish} wish
 */
export async function placeOrder(db, wish) {
  const { writer, warehouse } = db
  const lines = await takeFromStock(db, wish.items)
  const full = lines.reduce((sum, { quantity, price_cents }) => sum + quantity * price_cents, 0)
  const percent = wish.coupon ? await redeem(db, wish.coupon) : 0
  const total = Math.round(full * (1 - percent / 100))

  const [order] = await writer('orders')
    .insert({ customer_id: wish.customerId, coupon: percent ? wish.coupon : null, total_cents: total })
    .returning('id')
  if (!order) throw new Error('The order was not inserted.')
  await writer('order_items').insert(lines.map(line => Object.assign(line, { order_id: order.id })))
  await warehouse('shipments').insert(
    lines.map(({ product_id, quantity }) => ({
      order_id: order.id,
      product_id,
      quantity,
      shelf: product_id % SHELVES,
    })),
  )
  await db.commit()

  const { reference } = await charge(total)
  await writer('payments').insert({ order_id: order.id, reference, amount_cents: total })
  await writer.commit()
  return { id: order.id, totalCents: total, discountPercent: percent }
}

/**
 * Locks the products' stock and takes from it. In the order of their ids, so that two orders of the same products
 * wait for one another rather than each for the other.
 *
 * @param {import('./shop.js').ShopDb} db
 * @param {Item[]} items
 */
async function takeFromStock({ writer }, items) {
  const rows = await writer('stock')
    .join('products', 'products.id', 'stock.product_id')
    .whereIn(
      'product_id',
      items.map(item => item.productId),
    )
    .orderBy('product_id')
    .forUpdate('stock')
    .select('product_id', 'quantity', 'name', 'price_cents')
  const found = new Map(rows.map(row => [row.product_id, row]))
  const lines = items.map(({ productId, quantity }) => {
    const row = found.get(productId)
    if (!row) throw new ShopError(404, `There is no product ${productId}.`)
    if (row.quantity < quantity) {
      throw new ShopError(409, `Of "${row.name}" only ${row.quantity} are left, not ${quantity}.`)
    }
    return { product_id: productId, quantity, price_cents: row.price_cents }
  })
  for (const { product_id, quantity } of lines) {
    await writer('stock').where({ product_id }).decrement('quantity', quantity)
  }
  return lines
}

const CHECK_VIOLATION = '23514'

/**
 * What a coupon takes off, in percent. One that is used up fails its check in the database: the savepoint undoes
 * just that, and the order goes on at the full price.
 *
 * @param {import('./shop.js').ShopDb} db
 * @param {string} code
 */
async function redeem({ writer }, code) {
  try {
    return await writer.savepoint(async () => {
      const [coupon] = await writer('coupons').where({ code }).decrement('uses_left', 1).returning('percent')
      return coupon?.percent ?? 0
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === CHECK_VIOLATION) return 0
    throw error
  }
}
