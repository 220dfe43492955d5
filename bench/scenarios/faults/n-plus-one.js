export const serialNPlusOne = {
  name: 'two hundred statements of one line, one after the other',
  asks: 'which line sends a query two hundred times',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask }) {
    let ms = 0
    route('/orders', async ({ db }) => {
      const begun = performance.now()
      const orders = await db.main('orders').limit(200)
      for (const { id } of orders) await db.main('orders').where({ id }).first()
      ms = performance.now() - begun
    })
    await ask('/orders')
    return { factAt: Date.now(), ms }
  },
  takesMs: 1_000,
  says: /sent 200 similar/i,
  names: /n-plus-one\.js:(?:9|10)/,
  truth: ({ said }) => ({ statements: 200, before: 1, all: 201, ms: [0, said.ms], one: 1 }),
}

export const burstNPlusOne = {
  name: 'fifty statements of one line at once, on a pool of ten',
  asks: 'which line sends a query fifty times, and how many connections it takes',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 10 } }) }),
  async happens({ route, ask, engines }) {
    const { knex } = engines.get('main')
    let ms = 0
    route('/orders', async () => {
      const begun = performance.now()
      await Promise.all(
        Array.from({ length: 50 }, (_, id) =>
          knex('orders').where({ id }).select(knex.raw('pg_sleep(0.02)')),
        ),
      )
      ms = performance.now() - begun
    })
    await ask('/orders')
    return { factAt: Date.now(), ms }
  },
  takesMs: 1_000,
  says: /50 .*(?:at once|burst|connections)/i,
  names: /n-plus-one\.js:3[2-3]/,
  truth: ({ said }) => ({ statements: 50, connections: 10, ms: [0, said.ms], one: 1 }),
}
