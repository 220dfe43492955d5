import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

const WRITERS = 6

/** Writes rows for ever, each fifth in vain, and says of each, after its commit and before the next, that it is there. */
const APP = `
import { writeSync } from 'node:fs'
import { createEngines, engine } from 'enginelight'

const connection = process.env.DATABASE_URL
const engines = createEngines({
  main: engine()({ connection, pool: { max: ${WRITERS} }, default: true }),
  log: engine()({ connection, mode: 'autocommit', enlist: 'independent', pool: { max: 2 } }),
})
let id = Number(process.env.FIRST_ID)
const write = async () => {
  for (;;) {
    const own = id++
    await engines.scope(async db => {
      await db.main('t').insert({ id: own })
      await db.log.query('select 1')
      await db.main('t').update({ note: 'kept' }).where({ id: own })
      if (own % 5 === 0) return db.rollback()
      await db.main.commit()
      writeSync(1, own + '\\n')
    })
  }
}
await Promise.all(Array.from({ length: ${WRITERS} }, write))
`

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id int primary key, note text)')),
)
afterAll(() => database.drop())

test('R41 killed under load and started again: the server is clean at once, what was acknowledged is there', async () => {
  const acknowledged = new Set<number>()
  for (const round of [0, 1, 2]) {
    const app = await runScript(APP, { DATABASE_URL: database.url, FIRST_ID: String(round * 1_000_000) })
    await expect.poll(() => app.output().split('\n').length, { timeout: 10_000 }).toBeGreaterThan(100)
    expect((await database.backends()).length).toBeGreaterThan(WRITERS)
    app.process.kill('SIGKILL')
    expect(await app.ended).toBe('SIGKILL')
    await expectQuiet(database)
    await expectBackends(database, 0)
    for (const line of app.output().trim().split('\n')) acknowledged.add(Number(line))
    const rows = await database.admin<{ id: number; note: string }>('select id, note from t')
    const ids = new Set(rows.map(({ id }) => id))
    expect([...acknowledged].filter(id => !ids.has(id))).toEqual([])
    // Committed, and killed before it could say so.
    expect([...ids].filter(id => !acknowledged.has(id)).length).toBeLessThanOrEqual(WRITERS * (round + 1))
    expect(rows.filter(({ id, note }) => note !== 'kept' || id % 5 === 0)).toEqual([])
  }
})
