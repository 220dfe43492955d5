export const readAfterWrite = {
  name: 'a read of another engine right after a write',
  asks: 'did this read hit the replica after my write',
  engines: ({ url, engine }) => ({
    main: engine()({ connection: url, default: true }),
    replica: engine()({ connection: url, access: 'read' }),
  }),
  async happens({ route, ask }) {
    let apartMs = 0
    route('/order', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      await db.main.commit()
      const committed = performance.now()
      await new Promise(resolve => setTimeout(resolve, 5))
      await db.replica('orders').where({ id: 1 }).first()
      apartMs = performance.now() - committed
    })
    await ask('/order')
    return { factAt: Date.now(), apartMs }
  },
  says: /replica.*(?:after|stale)|(?:after|stale).*replica/i,
  names: /read-after-write\.js:15/,
  truth: ({ said }) => ({ apartMs: [0, said.apartMs] }),
}
