/** @type {import('./trouble.js').Trouble} */
export const nPlusOne = {
  path: 'n-plus-one',
  title: 'N + 1',
  does: 'Reads twenty orders, and then the items of each with a statement of its own.',
  shows: 'A finding with the number of similar statements, the line, and that they ran one after the other.',
  async handle(req) {
    const { reader } = req.db
    const orders = await reader('orders').orderBy('id', 'desc').limit(20)
    let items = 0
    for (const order of orders) {
      const lines = await reader('order_items').where({ order_id: order.id })
      items += lines.length
    }
    return { orders: orders.length, items }
  },
}
