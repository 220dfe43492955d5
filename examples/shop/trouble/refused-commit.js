import { SHELVES } from '../place-order.js'

/** @type {import('./trouble.js').Trouble} */
export const refusedCommit = {
  path: 'refused-commit',
  title: 'A commit that one of two databases refuses',
  does: 'Writes to both databases; the warehouse finds out only as it is prepared that it has no such shelf.',
  shows:
    'Transactions: the commit drawn over both engines breaks off at PREPARE, and the shop’s own work is rolled back with it.',
  async handle(req) {
    const { writer, warehouse } = req.db
    await writer('stock').where({ product_id: 13 }).decrement('quantity', 1)
    await warehouse('shipments').insert({ order_id: 0, product_id: 13, quantity: 1, shelf: SHELVES })
    return req.db.commit()
  },
}
