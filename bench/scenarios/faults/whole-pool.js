export const wholePool = {
  name: 'one request that takes the whole pool',
  asks: 'who holds the connections of my pool',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 5 } }) }),
  async happens({ route, ask, engines }) {
    const { knex } = engines.get('main')
    route('/export', () => Promise.all(Array.from({ length: 5 }, () => knex.raw('select pg_sleep(1.5)'))))
    const done = ask('/export')
    const factAt = Date.now()
    await done
    return { factAt }
  },
  takesMs: 2_000,
  says: /\/export.*(?:all|5 of 5|whole|every)/i,
  names: /main/,
  truth: ({ said, seen }) => ({ max: 5, ms: [0, (seen?.at ?? Date.now()) - said.factAt + 600] }),
}
