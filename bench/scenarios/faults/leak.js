export const leak = {
  name: 'a transaction that is begun and forgotten',
  asks: 'is something leaking',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask, engines }) {
    route('/import', async () => {
      const transaction = await engines.get('main').knex.transaction()
      await transaction('orders').where({ id: 1 }).first()
    })
    await ask('/import')
    return { factAt: Date.now() }
  },
  says: /\/import.*(?:finished|ended|leak|holds|kept)/i,
  names: /leak\.js:7/,
  async truth({ admin, said, seen }) {
    const held = await admin(
      `select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`,
    )
    return { held: held.length, max: 4, sinceMs: [0, (seen?.at ?? Date.now()) - said.factAt + 600] }
  },
}
