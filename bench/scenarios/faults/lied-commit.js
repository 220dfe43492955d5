let pool

export const liedCommit = {
  name: 'COMMIT of a failed transaction, which the server answers with ROLLBACK',
  asks: 'why did it not commit',
  engines: ({ url, engine, pg }) => ({
    main: engine()({ pool: (pool = new pg.Pool({ connectionString: url })) }),
  }),
  async happens({ route, ask }) {
    route('/order', async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('update orders set n = n + 1 where id = 1')
      await client.query('insert into orders values (1, 1)').catch(() => {})
      await client.query('commit')
      client.release()
    })
    await ask('/order')
    return { factAt: Date.now() }
  },
  says: /COMMIT.*ROLLBACK/,
  names: /lied-commit\.js:11|23505/,
  async truth({ admin }) {
    const [{ n }] = await admin('select n from orders where id = 1')
    return { written: n }
  },
}
