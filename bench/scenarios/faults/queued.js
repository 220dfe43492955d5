export const queued = {
  name: 'five statements at once on one connection',
  asks: 'why is my parallel code serial',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/report', ({ db }) =>
      Promise.all([1, 2, 3, 4, 5].map(() => db.main.query('select pg_sleep(0.2)'))),
    )
    await ask('/report')
    return { factAt: Date.now() }
  },
  takesMs: 1_200,
  says: /[45] statements.*queued/i,
  names: /queued\.js:7/,
  truth: () => ({ statements: [4, 5], connections: 1, waitedMs: [150, 1_300] }),
}
