export const nested = {
  name: 'a request that holds the only connection asks for another',
  asks: 'why did the check-out time out',
  engines: ({ url, engine }) => ({
    main: engine()({ connection: url, pool: { max: 1 }, checkoutTimeoutMs: 800 }),
  }),
  async happens({ route, ask, engines }) {
    route('/report', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      await engines.get('main').knex('orders').first()
    })
    const answer = await ask('/report')
    return { factAt: Date.now(), answer }
  },
  takesMs: 1_000,
  says: /(?:itself|its own|same request|already holds|nested)/i,
  names: /nested\.js:10/,
  truth: () => ({ max: 1, holders: 1, timeoutMs: [0, 900] }),
}
