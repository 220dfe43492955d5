import { setTimeout as sleep } from 'node:timers/promises'

const HOLDERS = 10

export const idleHolders = {
  name: 'ten holders idle in transaction, three that wait, a timeout',
  asks: 'who holds the connections of my pool, and why did a check-out time out',
  engines: ({ url, engine }) => ({
    main: engine()({ connection: url, pool: { max: HOLDERS }, checkoutTimeoutMs: 1_000 }),
  }),
  async happens({ route, ask }) {
    const paid = sleep(10_000, null, { ref: false })
    let holding = 0
    let allHold
    const held = new Promise(resolve => (allHold = resolve))
    route('/pay', async ({ db }) => {
      await db.main('orders').where({ id: ++holding }).increment('n', 1)
      if (holding === HOLDERS) allHold()
      await paid
      await db.main.commit()
    })
    route('/orders', ({ db }) => db.main('orders').first())
    for (let holder = 0; holder < HOLDERS; holder++) void ask('/pay')
    await held
    await sleep(50)
    const answers = await Promise.all(Array.from({ length: 3 }, () => ask('/orders')))
    const factAt = Date.now()
    return { factAt, answers }
  },
  takesMs: 1_500,
  says: /idle in a? ?transaction/i,
  names: /idle-holders\.js:1[5-9]/,
  async truth({ admin, said }) {
    const [{ count, oldest }] = await admin(
      `select count(*)::int, extract(epoch from max(now() - state_change)) * 1000 as oldest from pg_stat_activity
       where state = 'idle in transaction' and datname = current_database()`,
    )
    return {
      holders: count,
      max: HOLDERS,
      waiters: [1, said.answers.filter(status => status === 500).length],
      timeoutMs: [1_000, 1_100],
      idleMs: [0, Number(oldest)],
    }
  },
}
