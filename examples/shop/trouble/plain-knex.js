/** @type {import('./trouble.js').Trouble} */
export const plainKnex = {
  path: 'plain-knex',
  title: 'Plain knex, without a session',
  does: 'Uses the engine’s own knex, as an application does that knows nothing of sessions.',
  shows:
    'The same as of any request: check-out, statements and transaction are seen without being rewritten.',
  async handle(_req, _res, engines) {
    const { knex } = engines.get('writer')
    const products = await knex('products').count('* as count').first()
    const orders = await knex.transaction(transaction => transaction('orders').count('* as count').first())
    return { products, orders }
  },
}
