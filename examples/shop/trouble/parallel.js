/** @type {import('./trouble.js').Trouble} */
export const parallel = {
  path: 'parallel',
  title: 'Promise.all on one session',
  does: 'Starts five statements of 200 ms at once. One session is one connection, so they take a second.',
  shows: 'Five statements on one lane, each with the time that it queued behind the one before.',
  async handle(req) {
    const startedAt = performance.now()
    const counts = ['products', 'customers', 'orders', 'order_items', 'payments'].map(table =>
      req.db.reader.query(`select pg_sleep(0.2), count(*) from ${table}`),
    )
    await Promise.all(counts)
    return { statements: counts.length, tookMs: Math.round(performance.now() - startedAt) }
  },
}
