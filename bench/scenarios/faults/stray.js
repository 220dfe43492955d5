export const stray = {
  name: 'a statement that forgot its transaction',
  asks: 'which query ran outside of my transaction',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask, engines }) {
    const { knex } = engines.get('main')
    route('/stock', () =>
      knex.transaction(async transaction => {
        await transaction('orders').where({ id: 1 }).increment('n', 1)
        await knex('orders').where({ id: 1 }).first()
      }),
    )
    await ask('/stock')
    return { factAt: Date.now() }
  },
  says: /outside|stray/i,
  names: /stray\.js:10/,
  truth: () => ({ statements: 1 }),
}
