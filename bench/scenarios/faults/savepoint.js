export const savepoint = {
  name: 'a savepoint that is rolled back, and a commit of the rest: nothing is wrong',
  asks: 'why did it not commit (it did)',
  isQuiet: true,
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/order', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      await db.main
        .savepoint(async () => {
          await db.main('orders').where({ id: 2 }).increment('n', 1)
          throw new Error('no stock')
        })
        .catch(() => {})
      await db.main.commit()
    })
    await ask('/order')
    return { factAt: Date.now() }
  },
  says: /\/order.*(?:not committed|rolled back|failed|leak)/i,
  truth: () => ({}),
}
