/** A customer's cart, found by a cookie. */
import { randomUUID } from 'node:crypto'

const COOKIE = /(?:^|;\s*)cart=([0-9a-f-]{36})(?:;|$)/

/**
 * The id of the cart of the browser that asks, or undefined where it has none yet.
 *
 * @param {import('express').Request} req
 */
export function cartOf(req) {
  return COOKIE.exec(req.headers.cookie ?? '')?.[1]
}

/**
 * Puts something into the cart of the browser that asks; gives it a cart if it has none.
 *
 * @param {import('express').Request} req
 * @param {import('express').Response} res
 * @param {import('./place-order.js').Item} item
 */
export async function putIntoCart(req, res, { productId, quantity }) {
  const id = cartOf(req) ?? randomUUID()
  const { writer } = req.db
  await writer('cart_items')
    .insert({ cart_id: id, product_id: productId, quantity })
    .onConflict(['cart_id', 'product_id'])
    .merge({ quantity: writer.raw('cart_items.quantity + excluded.quantity') })
  await writer.commit()
  res.cookie('cart', id, { httpOnly: true, sameSite: 'lax' })
}

/**
 * @param {import('./shop.js').ShopDb} db
 * @param {string | undefined} id
 */
export async function readCart({ reader }, id) {
  if (id === undefined) return []
  return reader('cart_items')
    .join('products', 'products.id', 'cart_items.product_id')
    .where({ cart_id: id })
    .select('product_id', 'quantity', 'name', 'price_cents')
    .orderBy('name')
}

/**
 * @param {import('./shop.js').ShopDb} db
 * @param {string} id
 */
export async function emptyCart({ writer }, id) {
  await writer('cart_items').where({ cart_id: id }).delete()
  await writer.commit()
}
