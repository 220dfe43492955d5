import knex from 'knex'
import { expectRow, NOTE } from '../unit.js'

export function open({ url, max }) {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max } })
  return {
    unit: id =>
      db.transaction(async trx => {
        const [row] = await trx('items').where({ id })
        await trx('events').insert({ item_id: id, note: NOTE })
        expectRow(row, id)
      }),
    close: () => db.destroy(),
  }
}
