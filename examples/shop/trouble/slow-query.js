import { ShopError } from '../shop-error.js'

/** @type {import('./trouble.js').Trouble} */
export const slowQuery = {
  path: 'slow',
  title: 'A slow query',
  does: 'Asks the server to sleep for two seconds; ?seconds= for longer.',
  shows: 'In the request, one statement fills the bar; on the board, its slot is executing for as long.',
  async handle(req) {
    const seconds = Number(req.query.seconds ?? 2)
    if (!(seconds > 0 && seconds <= 60))
      throw new ShopError(400, 'seconds must be more than 0 and at most 60.')
    await req.db.reader.query('select pg_sleep($1)', [seconds])
    return { slept: seconds }
  },
}
