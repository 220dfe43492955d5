import { charge } from '../payments.js'
import { readNumber } from '../read-number.js'

/** @type {import('./trouble.js').Trouble} */
export const idleInTransaction = {
  path: 'idle-in-transaction',
  title: 'Idle in transaction',
  does: 'Locks a row, then waits two seconds for a payment provider (?seconds= for longer) before it writes and commits.',
  shows: 'The slot is idle in transaction, and the bar of the request has a hole between two statements.',
  async handle(req) {
    const { writer } = req.db
    const seconds = readNumber(req.query.seconds ?? 2, 'seconds', 60)
    const stock = await writer('stock').where({ product_id: 2 }).forUpdate().first()
    const { reference } = await charge(690, { takesMs: seconds * 1_000 })
    await writer('stock').where({ product_id: 2 }).update({ quantity: stock?.quantity })
    await writer.commit()
    return { reference }
  },
}
