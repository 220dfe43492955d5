/** @type {import('./trouble.js').Trouble} */
export const killedConnection = {
  path: 'killed',
  title: 'A connection that is killed',
  does: 'Has the server end the very process that serves it, as a failover or an administrator would.',
  shows: 'EL_CONNECTION_LOST; the connection is discarded, and the slot has a new one at its next use.',
  async handle(req) {
    const { writer } = req.db
    await writer('stock').where({ product_id: 7 }).increment('quantity', 1)
    return writer.query('select pg_terminate_backend(pg_backend_pid())')
  },
}
