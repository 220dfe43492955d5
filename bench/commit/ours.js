// Our container with a session for each engine, and one commit over all.
import { createEngines, engine } from 'enginelight'
import { INSERT, NOTE } from './unit.js'

export async function open({ urls, max, via }) {
  const names = urls.map((_url, index) => `e${index}`)
  const engines = createEngines(
    Object.fromEntries(
      names.map((name, index) => [name, engine()({ connection: urls[index], pool: { max } })]),
    ),
    { application: 'bench', requireTwoPhase: true },
  )
  const write =
    via === 'query'
      ? (session, id) => session.query(INSERT, [id, NOTE])
      : (session, id) => session('transfers').insert({ account: id, note: NOTE })
  return {
    async unit(id) {
      const db = engines.open()
      try {
        for (const name of names) await write(db[name], id)
        const { mode } = await db.commit()
        if (mode !== (names.length > 1 ? 'two-phase' : 'one-phase')) throw new Error(`committed by ${mode}`)
      } finally {
        await db.end()
      }
    },
    close: () => engines.close(),
  }
}
