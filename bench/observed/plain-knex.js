// Statements of plain knex, outside of any session, as an application has them that only wants to be seen.
import { createRequire } from 'node:module'
import { expectRow, NOTE } from '../unit.js'
import { startObserver } from './observers.js'

/** Without `isWatched` there is no engine: nothing of ours is in the process. */
export async function open({ url, max, observer, isWatched }) {
  const observing = await startObserver(observer)
  // Required, as the official instrumentations need it to patch what is loaded.
  const knex = createRequire(import.meta.url)('knex')
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max } })
  const engines = isWatched ? await watch(db) : undefined
  return {
    unit: id =>
      observing.around(async () => {
        const [row] = await db('items').where({ id })
        await db('events').insert({ item_id: id, note: NOTE })
        expectRow(row, id)
      }),
    flush: () => observing.flush?.(),
    seen: observing.seen,
    async close() {
      await observing.stop()
      await engines?.close()
      await db.destroy()
    },
  }
}

async function watch(knex) {
  const { createEngines, engine } = await import('enginelight')
  return createEngines({ main: engine()({ knex }) })
}
