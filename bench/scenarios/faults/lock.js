import { setTimeout as sleep } from 'node:timers/promises'

export const lock = {
  name: 'a request that waits for the row lock of another',
  asks: 'who blocks whom',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url, pool: { max: 4 } }) }),
  async happens({ route, ask }) {
    const released = sleep(9_500, null, { ref: false })
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
    await sleep(300)
    void ask('/waiter')
    const factAt = Date.now()
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
