import { Router } from 'express'
import { cartOf, emptyCart, readCart } from '../cart.js'
import { html, money } from '../pages/html.js'
import { sendPage, wantsPage } from '../pages/page.js'
import { placeOrder } from '../place-order.js'
import { readNumber } from '../read-number.js'
import { ShopError } from '../shop-error.js'
import { readItem } from './cart.js'

export const orders = Router()

orders.post('/orders', async (req, res) => {
  const cartId = cartOf(req)
  const wish = {
    customerId: readNumber(req.body?.customerId, 'customerId'),
    items: req.body?.items ? readItems(req.body.items) : await itemsOfCart(req.db, cartId),
    coupon: typeof req.body?.coupon === 'string' && req.body.coupon !== '' ? req.body.coupon : null,
  }
  if (wish.items.length === 0) throw new ShopError(400, 'There is nothing to order.')
  try {
    const order = await placeOrder(req.db, wish)
    await audit(req, 'order placed', order)
    if (cartId && !req.body.items) await emptyCart(req.db, cartId)
    if (wantsPage(req)) res.redirect(303, `/orders/${order.id}`)
    else res.status(201).json(order)
  } catch (error) {
    // At once, rather than at the end of the request: others may wait for the same stock.
    await req.db.rollback()
    // Stays although the order is rolled back: the logger is an engine of its own.
    await audit(req, 'order refused', { ...wish, why: String(error) })
    throw error
  }
})

/** @param {unknown} items */
function readItems(items) {
  if (!Array.isArray(items) || items.length > 20)
    throw new ShopError(400, 'items must be a list of up to 20.')
  const wanted = items.map(readItem)
  if (new Set(wanted.map(({ productId }) => productId)).size < wanted.length) {
    throw new ShopError(400, 'Each product may be among the items once.')
  }
  return wanted
}

/** @param {import('../shop.js').ShopDb} db @param {string | undefined} cartId */
async function itemsOfCart(db, cartId) {
  const rows = await readCart(db, cartId)
  return rows.map(({ product_id, quantity }) => ({ productId: product_id, quantity }))
}

/** @param {import('express').Request} req @param {string} what @param {object} details */
async function audit(req, what, details) {
  await req.db.logger('audit').insert({ request: req.db.info.requestId, what, details })
}

orders.get('/orders/:id', async (req, res) => {
  const id = readNumber(req.params.id, 'id')
  const { reader } = req.db
  const order = await reader('orders')
    .join('customers', 'customers.id', 'orders.customer_id')
    .where('orders.id', id)
    .first('orders.*', 'customers.name')
  if (!order) throw new ShopError(404, 'There is no such order.')
  const items = await reader('order_items')
    .join('products', 'products.id', 'order_items.product_id')
    .where({ order_id: id })
    .select('order_items.*', 'products.name')
  const payment = await reader('payments').where({ order_id: id }).first()
  sendPage(
    res,
    `Order ${id}`,
    html`<p>
        ${order.name}, ${order.created_at.toUTCString()}.
        ${payment ? html`Paid, <span class="dim">${payment.reference}</span>.` : 'Not paid yet.'}
        ${order.coupon && html`With the coupon ${order.coupon}.`}
      </p>
      <table>
        ${items.map(
          item =>
            html`<tr>
              <td>${item.name}</td>
              <td class="number">${item.quantity}</td>
              <td class="number">${money(item.quantity * item.price_cents)}</td>
            </tr>`,
        )}
        <tr>
          <th>Total</th>
          <td></td>
          <th class="number">${money(order.total_cents)}</th>
        </tr>
      </table>`,
  )
})

orders.get('/api/orders', async (req, res) => {
  const latest = await req.db
    .reader('orders')
    .leftJoin('payments', 'payments.order_id', 'orders.id')
    .select('orders.id', 'customer_id', 'total_cents', 'created_at', 'reference')
    .orderBy('orders.id', 'desc')
    .limit(50)
  res.json(latest)
})
