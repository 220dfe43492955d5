const HELD_SECONDS = 3

/** @type {import('./trouble.js').Trouble} */
export const poolExhausted = {
  path: 'pool-exhausted',
  title: 'A pool that is exhausted',
  does: 'Imports take all connections of the writer; then the request wants one, for two seconds at most.',
  shows: 'EL_CHECKOUT_TIMEOUT, which names the holders, and a card with the board at that instant.',
  async handle(req, _res, engines) {
    const { max } = engines.get('writer').description
    for (let n = 1; n <= max; n++) {
      engines
        .scope(db => db.writer.query('select pg_sleep($1)', [HELD_SECONDS]), { label: `import ${n}` })
        // It is what the request is told that matters here.
        .catch(() => {})
    }
    return req.db.writer('products').where({ id: 1 }).select('name')
  },
}
