export const killed = {
  name: 'a connection that the server ends in the middle of a transaction',
  asks: 'why did it not commit',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask, url, pg }) {
    route('/order', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      const other = new pg.Client({ connectionString: url })
      await other.connect()
      await other.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`,
      )
      await other.end()
      await db.main('orders').where({ id: 2 }).increment('n', 1)
      await db.main.commit()
    })
    const answer = await ask('/order')
    return { factAt: Date.now(), answer }
  },
  says: /(?:lost|terminat|57P01|closed by the server|ended by the server)/i,
  names: /\/order/,
  truth: ({ said }) => ({ status: said.answer }),
}
