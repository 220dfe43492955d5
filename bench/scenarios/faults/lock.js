export const lock = {
  name: 'a request that waits for the row lock of another',
  asks: 'who blocks whom',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask }) {
    let release
    const released = new Promise(resolve => (release = resolve))
    route('/holder', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      await released
      await db.main.commit()
    })
    route('/waiter', async ({ db }) => {
      await db.main('orders').where({ id: 1 }).increment('n', 1)
      await db.main.commit()
    })
    void ask('/holder')
    await new Promise(resolve => setTimeout(resolve, 300))
    void ask('/waiter')
    const factAt = Date.now()
    setTimeout(release, 9_000).unref()
    return { factAt }
  },
  says: /(?:\/waiter.*(?:waits|blocked).*\/holder|\/holder.*blocks.*\/waiter)/i,
  names: /lock/i,
  async truth({ admin, said }) {
    const blocked = await admin(
      `select pid, pg_blocking_pids(pid) as by from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0`,
    )
    const sinceMs = Date.now() - said.factAt
    return { blocked: blocked.length, waits: [0, sinceMs], holds: [0, sinceMs + 400] }
  },
}
