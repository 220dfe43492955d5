export const stall = {
  name: 'an event loop that stands still between two statements',
  asks: 'why is this request slow',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/report', async ({ db }) => {
      await db.main('orders').first()
      const until = performance.now() + 600
      while (performance.now() < until);
      await db.main('orders').first()
    })
    await ask('/report')
    return { factAt: Date.now() }
  },
  says: /(?:event loop|stood still|blocked)/i,
  truth: () => ({ stalledMs: [500, 760] }),
}
