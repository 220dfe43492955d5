import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.ts'
import { expectBackends } from '../testing/ground-truth.ts'

let database: TestDatabase
let proxy: FaultProxy
beforeAll(async () => {
  database = await createDatabase()
  proxy = await startFaultProxy(database.url)
})
afterAll(async () => {
  await proxy.stop()
  await database.drop()
})

test('a cancel that overtakes its statement is repeated: the backend does not run on', async () => {
  await using engines = createEngines({ main: engine()({ connection: proxy.url, pool: { max: 1 } }) })
  const abort = new AbortController()
  const db = engines.open({ signal: abort.signal })
  await db.main.query('select 1')
  // The statement is on its way for longer than the cancel, which has a connection of its own.
  proxy.of(db.main.identity?.backendPid ?? undefined).set({ delayMs: 100 })
  const slow = db.main.query('select pg_sleep(20)').catch((error: unknown) => error)
  abort.abort()
  expect(await slow).toMatchObject({ code: 'EL_ENDED' })
  await expect.poll(() => database.backends(), { timeout: 3_000 }).toEqual([])
  await engines.close()
  await expectBackends(database, 0)
})
