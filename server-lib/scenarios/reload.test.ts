import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

/** A module that makes engines and closes those of its predecessor, replaced fifty times as a watcher does. */
const APP = `
import { writeFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const url = process.env.DATABASE_URL
const module = new URL('./engines-' + process.pid + '.mjs', import.meta.url)
await writeFile(module, \`
  import { createEngines, engine } from 'enginelight'
  const before = globalThis.reloaded?.close({ graceMs: 100 })
  if (process.env.AWAITED) await before
  export const engines = globalThis.reloaded = createEngines({
    main: engine()({ connection: process.env.DATABASE_URL, pool: { min: 1, max: 3 } }),
    // A pool that is given has one engine at a time: its next one has to wait for the close.
    given: process.env.AWAITED
      ? engine()({ pool: globalThis.given })
      : engine()({ connection: process.env.DATABASE_URL, pool: { max: 2 } }),
  })
\`)
globalThis.given = new pg.Pool({ connectionString: url, max: 2 })
const bare = { listeners: given.eventNames().length, connect: given.connect, query: given.query }
const eye = new pg.Client({ connectionString: url, application_name: 'administrator' })
await eye.connect()
const backends = async () => {
  const { rows } = await eye.query("select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name <> 'administrator' and backend_type = 'client backend'")
  return rows[0].n
}
const resources = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
const counts = []
let timers
for (let round = 0; round < 50; round++) {
  const { engines } = await import(module.href + '?' + round)
  await Promise.all([1, 2, 3].map(() => engines.scope(db => Promise.all([db.main.query('select 1'), db.given.query('select 1')]))))
  // Every third module leaves a transaction behind, every fourth a statement that hangs.
  if (round % 3 === 0) await engines.open().main('t').insert({ round })
  if (round % 4 === 0) engines.open().main.query('select pg_sleep(60)').catch(() => {})
  counts.push(await backends())
  if (round === 10) timers = resources()
}
const timersAfter = resources()
await reloaded.close({ graceMs: 0 })
const taken = { listeners: given.eventNames().length, connect: given.connect, query: given.query }
await given.end()
// Predecessors may still be within their grace.
for (let looks = 0; looks < 40 && (await backends()) > 0; looks++) await sleep(20)
const left = await backends()
await eye.end()
await rm(module)
console.log(JSON.stringify({ counts, left, timers, timersAfter, restored: Object.keys(bare).every(key => bare[key] === taken[key]) }))
`

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (round int)')))
afterAll(() => database.drop())

test.each([
  ['waits for the old to close', 'yes'],
  ['does not wait', ''],
])('R44 fifty reloads of a module that %s: backends do not grow', async (_how, awaited) => {
  const app = await runScript(APP, { DATABASE_URL: database.url, AWAITED: awaited })
  const code = await app.ended
  expect([code, app.output()]).toEqual([0, expect.stringMatching(/^\{.*\}\n$/)])
  const { counts, left, timers, timersAfter, restored } = JSON.parse(app.output()) as {
    counts: number[]
    left: number
    timers: number
    timersAfter: number
    restored: boolean
  }
  // Those of this module, and those of predecessors that have their grace and 250 ms to end.
  const most = awaited ? 5 : 5 + 5 * 15
  expect(Math.max(...counts)).toBeLessThanOrEqual(most)
  if (awaited) expect(timersAfter).toBeLessThanOrEqual(timers + 3)
  expect(left).toBe(0)
  expect(restored).toBe(true)
  expect(await database.admin('select * from t')).toEqual([])
  await expectQuiet(database)
  await expectBackends(database, 0)
})
