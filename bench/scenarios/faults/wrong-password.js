export const wrongPassword = {
  name: 'a password that the server refuses',
  asks: 'why did the check-out fail',
  engines: ({ url, engine }) => ({
    main: engine()({ connection: url.replace(':postgres@', ':nonsense@'), checkoutTimeoutMs: 1_500 }),
  }),
  async happens({ route, ask }) {
    route('/orders', ({ db }) => db.main('orders').first())
    const answer = await ask('/orders')
    return { factAt: Date.now(), answer }
  },
  takesMs: 2_000,
  says: /(?:28P01|password|refused)/i,
  names: /main/,
  truth: () => ({ times: [1, 20], waitMs: [0, 2_000] }),
}
