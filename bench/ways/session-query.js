// Our session with hand-written text, in a container of its own, as a request has one.
import { createEngines, engine } from 'enginelight'
import { expectRow, INSERT, NOTE, SELECT } from '../unit.js'

export function open({ url, max, pipeline }) {
  const engines = createEngines({ main: engine()({ connection: url, pool: { max }, pipeline }) })
  return {
    async unit(id) {
      const db = engines.open()
      try {
        const { rows } = await db.main.query(SELECT, [id])
        await db.main.query(INSERT, [id, NOTE])
        await db.main.commit()
        expectRow(rows[0], id)
      } finally {
        await db.end()
      }
    },
    close: () => engines.close(),
  }
}
