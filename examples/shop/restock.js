const EVERY_MS = 10_000

/**
 * Fills up what has been sold, every ten seconds: work that belongs to no HTTP request has a scope of its own.
 *
 * @param {import('./shop.js').ShopEngines} engines
 */
export function startRestocking(engines) {
  const restock = () =>
    engines.scope(
      async ({ writer }) => {
        await writer('stock').where('quantity', '<', 100).update({ quantity: 200 })
        await writer.commit()
      },
      { label: 'restock' },
    )
  // The next time will do; a pool that is exhausted just now has been told of already.
  const timer = setInterval(() => restock().catch(() => {}), EVERY_MS)
  return { stop: () => clearInterval(timer) }
}
