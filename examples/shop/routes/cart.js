import { Router } from 'express'
import { cartOf, putIntoCart, readCart } from '../cart.js'
import { html, money } from '../pages/html.js'
import { sendPage } from '../pages/page.js'
import { readNumber } from '../read-number.js'

export const cart = Router()

/**
 * @param {Record<string, unknown> | undefined} body
 * @returns {import('../place-order.js').Item}
 */
export function readItem(body) {
  return {
    productId: readNumber(body?.productId, 'productId'),
    quantity: readNumber(body?.quantity ?? 1, 'quantity', 20),
  }
}

cart.post('/api/cart', async (req, res) => {
  await putIntoCart(req, res, readItem(req.body))
  res.status(201).json({ ok: true })
})

cart.post('/cart', async (req, res) => {
  await putIntoCart(req, res, readItem(req.body))
  res.redirect(303, '/cart')
})

cart.get('/cart', async (req, res) => {
  const items = await readCart(req.db, cartOf(req))
  const customers = await req.db.reader('customers').select('id', 'name').orderBy('id')
  const total = items.reduce((sum, { quantity, price_cents }) => sum + quantity * price_cents, 0)
  const empty = html`<p>It is empty. <a href="/">Look around.</a></p>`
  const full = html`<table>
      ${items.map(
        item =>
          html`<tr>
            <td><a href="/products/${item.product_id}">${item.name}</a></td>
            <td class="number">${item.quantity}</td>
            <td class="number">${money(item.quantity * item.price_cents)}</td>
          </tr>`,
      )}
      <tr>
        <th>Together</th>
        <td></td>
        <th class="number">${money(total)}</th>
      </tr>
    </table>
    <form method="post" action="/orders">
      <select name="customerId" aria-label="Customer">
        ${customers.map(({ id, name }) => html`<option value="${id}">${name}</option>`)}
      </select>
      <input name="coupon" placeholder="Coupon (WELCOME)" aria-label="Coupon" />
      <button>Order</button>
    </form>`
  sendPage(res, 'Your cart', items.length > 0 ? full : empty)
})
