import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askDecision } from '../commit/recovery/fence.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'
import type { Engine } from '../engines/engine.ts'
import { createEngines, engine } from '../index.ts'
import { Coordinator } from '../testing/coordinator.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { startPostgres, type RunningPostgres } from '../testing/postgres.ts'

const SCHEMA = `create table t (id serial primary key, name text); ${INSTALL_SQL}`
let postgres: RunningPostgres
let shop: TestDatabase
let books: TestDatabase
beforeAll(async () => {
  postgres = await startPostgres()
  shop = await createDatabase(SCHEMA, postgres.url)
  books = await createDatabase(SCHEMA)
})
afterAll(async () => {
  await shop.drop()
  await books.drop()
  await postgres.stop()
})

test('R32 a standby does not show what its primary has prepared: it is believed in nothing, and nothing is forgotten', async () => {
  const decided = await (await Coordinator.between(books, shop)).toPrepared()
  await decided.commit()
  await decided.die()
  const [{ data_directory: folder } = {}] = await shop.admin('show data_directory')
  const signal = join(folder, 'standby.signal')
  await postgres.halt('fast')
  await writeFile(signal, '')
  // It settles at a server that takes writes, or at its end: this one will not take any.
  postgres.start().catch(() => {})
  await using engines = createEngines(
    { writer: engine()({ connection: shop.url }), ledger: engine()({ connection: books.url }) },
    { application: 'recovery' },
  )
  await expect.poll(() => shop.admin('select 1').catch(() => 'down')).toHaveLength(1)
  // What would be believed otherwise.
  expect(await shop.admin('select gid from pg_prepared_xacts')).toEqual([])

  const recovery = engines.recovery({ everyMs: false, olderThanMs: 0, keepDecisionsMs: 0 })
  expect(await recovery.runNow()).toEqual({
    dryRun: false,
    prepared: [],
    problems: [{ engine: 'writer', reason: 'its server is a standby' }],
    forgotten: 0,
    isClear: false,
  })
  expect(await books.admin('select transaction from enginelight_decision')).toHaveLength(1)
  const inside = engines.get('writer') as unknown as Engine
  expect(await askDecision(inside, decided.transaction, { deadlineMs: 300 })).toEqual({
    decision: 'unknown',
    reason: 'engine "writer", which holds the decision, is on a standby',
  })
  expect((await engines.install())[0]).toMatchObject({
    twoPhase: false,
    reasons: ['its server is a standby'],
  })

  await postgres.halt('fast')
  await rm(signal)
  await postgres.start()
  await expect.poll(async () => (await recovery.runNow()).isClear, { timeout: 5_000 }).toBe(true)
  expect(await shop.admin('select name from t')).toEqual([{ name: decided.transaction }])
  expect(
    (await recovery.runNow()).forgotten + (await books.admin('select from enginelight_decision')).length,
  ).toBe(0)
  await engines.close()
  await expectQuiet(shop)
  await expectQuiet(books)
})
