export const aborted = {
  name: 'a client that gives up',
  asks: 'what happened to this request',
  engines: ({ url, engine }) => ({ main: engine()({ connection: url }) }),
  async happens({ route, ask }) {
    route('/slow', ({ db }) => db.main.query('select pg_sleep(20)'))
    await ask('/slow', { signal: AbortSignal.timeout(400) })
    return { factAt: Date.now() }
  },
  takesMs: 500,
  says: /\/slow.*(?:abort|gave up|cancel)/i,
  async truth({ admin }) {
    const running = await admin(
      `select 1 from pg_stat_activity where query like '%pg_sleep(20)%' and state = 'active' and pid <> pg_backend_pid()`,
    )
    return { running: running.length, ms: [0, 1_200] }
  },
}
