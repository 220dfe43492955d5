import { pipeline } from 'node:stream/promises'
import { Router } from 'express'

export const report = Router()

/** Every line ever sold, as CSV. It is streamed: the rows pass through a cursor and are never all in memory. */
report.get('/api/report', async (req, res) => {
  const rows = req.db.reader.stream(`
    select orders.created_at, customers.name as customer, products.name as product, quantity,
      quantity * order_items.price_cents as cents
    from order_items
    join orders on orders.id = order_id
    join customers on customers.id = customer_id
    join products on products.id = product_id
    order by orders.id, products.id`)
  res.type('csv')
  await pipeline(rows, toCsv, res)
})

/** @param {AsyncIterable<Record<string, string | number | Date>>} rows */
async function* toCsv(rows) {
  yield 'at,customer,product,quantity,cents\n'
  for await (const { created_at, customer, product, quantity, cents } of rows) {
    const at = created_at instanceof Date ? created_at.toISOString() : created_at
    yield `${at},"${customer}","${product}",${quantity},${cents}\n`
  }
}
