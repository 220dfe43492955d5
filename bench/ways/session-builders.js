// Our session with knex's builders, in a container of its own, as a request has one.
import { createEngines, engine } from 'enginelight'
import { expectRow, NOTE } from '../unit.js'

export function open({ url, max, pipeline }) {
  const engines = createEngines({ main: engine()({ connection: url, pool: { max }, pipeline }) })
  return {
    // `await using db = engines.open()`, which Node 20 cannot read yet.
    async unit(id) {
      const db = engines.open()
      try {
        const [row] = await db.main('items').where({ id })
        await db.main('events').insert({ item_id: id, note: NOTE })
        await db.main.commit()
        expectRow(row, id)
      } finally {
        await db.end()
      }
    },
    close: () => engines.close(),
  }
}
