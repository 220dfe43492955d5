export const noCommit = {
  name: 'a request that writes and never commits',
  asks: 'why did it not commit',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/order', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
    })
    await ask('/order')
    return { factAt: Date.now() }
  },
  says: /\/order.*(?:commit|rolled back)/i,
  names: /no-commit\.js:7/,
  async truth({ admin }) {
    const [{ n }] = await admin('select n from orders where id = 1')
    return { written: n, statements: [1, 2] }
  },
}
