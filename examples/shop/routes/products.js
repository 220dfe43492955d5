import { Router } from 'express'
import { html, money } from '../pages/html.js'
import { sendPage } from '../pages/page.js'
import { readNumber } from '../read-number.js'
import { ShopError } from '../shop-error.js'

export const products = Router()

/** @param {import('../shop.js').ShopDb} db */
const productsInStock = db =>
  db
    .reader('products')
    .join('stock', 'stock.product_id', 'products.id')
    .select('products.*', 'stock.quantity')
    .orderBy(['category', 'name'])

products.get('/', async (req, res) => {
  const all = await productsInStock(req.db)
  sendPage(
    res,
    'Paper, pens and what goes with them',
    html`<ul class="cards">
      ${all.map(
        product =>
          html`<li>
            <h2><a href="/products/${product.id}">${product.name}</a></h2>
            <p class="dim">${product.category}</p>
            <p>${product.description}</p>
            <p>${money(product.price_cents)} <span class="dim">· ${product.quantity} in stock</span></p>
          </li>`,
      )}
    </ul>`,
  )
})

products.get('/products/:id', async (req, res) => {
  const id = readNumber(req.params.id, 'id')
  const product = await req.db.reader('products').where({ id }).first()
  if (!product) throw new ShopError(404, 'There is no such product.')
  // One session, one connection: the second statement reads in the same transaction as the first.
  const stock = await req.db.reader('stock').where({ product_id: id }).first()
  sendPage(
    res,
    product.name,
    html`<p>${product.description}</p>
      <p>${money(product.price_cents)} <span class="dim">· ${stock?.quantity ?? 0} in stock</span></p>
      <form method="post" action="/cart">
        <input type="hidden" name="productId" value="${id}" />
        <input type="number" name="quantity" value="1" min="1" max="20" aria-label="Quantity" />
        <button>Put into the cart</button>
      </form>`,
  )
})

products.get('/api/products', async (req, res) => {
  res.json(await productsInStock(req.db))
})
