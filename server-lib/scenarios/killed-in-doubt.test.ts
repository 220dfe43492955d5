import { afterAll, beforeAll, expect, test } from 'vitest'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

const WRITERS = 6

/** Writes into both databases for ever, and says of each, after its commit, that it is there. Recovers as it starts. */
const APP = `
import { writeSync } from 'node:fs'
import { createEngines, engine } from 'enginelight'
import { observe } from 'enginelight/channels'

const engines = createEngines({
  shop: engine()({ connection: process.env.SHOP_URL, pool: { max: ${WRITERS + 2} } }),
  books: engine()({ connection: process.env.BOOKS_URL, pool: { max: ${WRITERS + 2} } }),
}, { application: 'killed', requireTwoPhase: true })
observe('enginelight:commit', ({ phase, outcome }) => {
  if (phase === 'recovered') writeSync(1, 'recovered ' + outcome + '\\n')
})
engines.recovery({ everyMs: 100, olderThanMs: 0 })
process.on('warning', () => {})
process.on('SIGTERM', () => engines.close().then(() => process.exit(0)))
let id = Number(process.env.FIRST_ID)
const write = async () => {
  while (process.env.WRITES) {
    const own = id++
    await engines.scope(async db => {
      await db.shop('t').insert({ id: own })
      await db.books('t').insert({ id: own })
      await db.commit()
      writeSync(1, own + '\\n')
    })
  }
}
setInterval(() => {}, 1000)
writeSync(1, 'ready\\n')
await Promise.all(Array.from({ length: ${WRITERS} }, write))
`

let shop: TestDatabase
let books: TestDatabase
beforeAll(async () => {
  shop = await createDatabase(`create table t (id int primary key); ${INSTALL_SQL}`)
  books = await createDatabase(`create table t (id int primary key); ${INSTALL_SQL}`)
})
afterAll(async () => {
  await shop.drop()
  await books.drop()
})

const start = (round: number, writes = true) =>
  runScript(APP, {
    SHOP_URL: shop.url,
    BOOKS_URL: books.url,
    FIRST_ID: String(round * 1_000_000),
    ...(writes && { WRITES: '1' }),
  })
const ids = async ({ admin }: TestDatabase) =>
  (await admin('select id from t order by id')).map(({ id }) => id)
const prepared = () =>
  shop.admin('select gid from pg_prepared_xacts where database in ($1, $2)', [shop.name, books.name])

test('R41 killed in the middle of two-phase commits and started again: what was in doubt is recovered, and both agree', async () => {
  const acknowledged = new Set<number>()
  let inDoubt = 0
  for (const round of [0, 1, 2]) {
    const app = await start(round)
    await expect.poll(() => app.output().split('\n').length, { timeout: 10_000 }).toBeGreaterThan(50)
    app.process.kill('SIGKILL')
    await app.ended
    inDoubt += (await prepared()).length
    for (const line of app.output().split('\n')) if (/^\d+$/.test(line)) acknowledged.add(Number(line))
  }
  const last = await start(9, false)
  // Nothing may have been left, and then it would be ended before it listens.
  await expect.poll(() => last.output(), { timeout: 10_000 }).toContain('ready')
  await expect.poll(prepared, { timeout: 10_000 }).toEqual([])
  last.process.kill('SIGTERM')
  expect(await last.ended).toBe(0)
  expect(inDoubt).toBeGreaterThan(0)
  const [inShop, inBooks] = await Promise.all([ids(shop), ids(books)])
  expect(inShop).toEqual(inBooks)
  const there = new Set(inShop)
  expect([...acknowledged].filter(id => !there.has(id))).toEqual([])
  expect(inShop.length - acknowledged.size).toBeLessThanOrEqual(3 * WRITERS)
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await expectBackends(database, 0)
  }
})
