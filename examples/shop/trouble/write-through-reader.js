/** @type {import('./trouble.js').Trouble} */
export const writeThroughReader = {
  path: 'write-through-reader',
  title: 'A write through the reader',
  does: 'Sends an UPDATE to the engine that may only read. (The compiler refuses reader(…).update; this is a text.)',
  shows: 'A failed statement with 25006: the transaction was begun READ ONLY.',
  async handle(req) {
    return req.db.reader.query('update stock set quantity = quantity + 1 where product_id = 1')
  },
}
