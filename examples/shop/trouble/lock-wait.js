import { readNumber } from '../read-number.js'

/** @type {import('./trouble.js').Trouble} */
export const lockWait = {
  path: 'lock-wait',
  title: 'Waiting for a lock',
  does: 'A stocktaking locks a row for two seconds (?seconds= for longer); the request wants to change the same row.',
  shows: 'Two lanes of the writer: one executes, the other waits for it and for no connection.',
  async handle(req, _res, engines) {
    const seconds = readNumber(req.query.seconds ?? 2, 'seconds', 60)
    await new Promise((locked, failed) => {
      const takeStock = async (/** @type {import('../shop.js').ShopDb} */ { writer }) => {
        await writer('stock').where({ product_id: 5 }).forUpdate().first()
        locked(undefined)
        await writer.query('select pg_sleep($1)', [seconds])
      }
      engines.scope(takeStock, { label: 'stocktaking' }).catch(failed)
    })
    const startedAt = performance.now()
    await req.db.writer('stock').where({ product_id: 5 }).increment('quantity', 0)
    await req.db.writer.commit()
    return { waitedMs: Math.round(performance.now() - startedAt) }
  },
}
