/** @type {import('./trouble.js').Trouble} */
export const strayQuery = {
  path: 'stray',
  title: 'A query outside of the transaction',
  does: 'Changes a row in its transaction, and reads it back through plain knex: on another connection, too early.',
  shows: 'A second lane of the same engine while the transaction is open, marked as stray.',
  async handle(req, _res, engines) {
    const { writer } = req.db
    const [changed] = await writer('stock')
      .where({ product_id: 4 })
      .increment('quantity', 1)
      .returning('quantity')
    const seen = await engines.get('writer').knex('stock').where({ product_id: 4 }).first('quantity')
    await writer.rollback()
    return { changed: changed?.quantity, seenByTheOther: seen.quantity }
  },
}
