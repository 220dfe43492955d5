/** How long until somebody restarts the application, so to speak. */
const FORGOTTEN_MS = 20_000

/** @type {import('./trouble.js').Trouble} */
export const leak = {
  path: 'leak',
  title: 'A leaked connection',
  does: 'Begins a transaction with plain knex, outside of any session, and forgets it for twenty seconds.',
  shows: 'A red lane on the board: its owner has finished, and this is the line that took the connection.',
  async handle(req, _res, engines) {
    const transaction = await engines.get('writer').knex.transaction()
    const product = await transaction('products').where({ id: 1 }).first('name')
    const end = () => transaction.rollback().catch(() => {})
    setTimeout(end, FORGOTTEN_MS).unref()
    return { read: product.name, forgottenForMs: FORGOTTEN_MS, request: req.db.info.requestId }
  },
}
