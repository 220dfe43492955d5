import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PgClient } from '../postgres/driver.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { strikeAt } from '../identity/fault-points.ts'
import { BLACK_HOLE, startFaultProxy } from '../testing/fault-proxy.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (name text)')))
afterAll(() => database.drop())

// Side by side, for each waits until the cancel that nobody takes has given up.
test.concurrent.for([
  ['a statement under way', false],
  ['BEGIN and a statement under way in one', true],
] as const)(
  'R08 a request that is aborted with %s over a silent network ends in time and leaves no socket open',
  { timeout: 15_000 },
  async ([, pipeline], { expect }) => {
    await using proxy = await startFaultProxy(database.url)
    await using engines = createEngines({ main: engine()({ connection: proxy.url, pipeline }) })
    await engines.warmup()
    const abort = new AbortController()
    const db = engines.open({ signal: abort.signal })
    proxy.set(BLACK_HOLE)
    const reading = db
      .main('t')
      .select()
      .catch((error: unknown) => error)
    await new Promise(resolve => setTimeout(resolve, 20))
    abort.abort()
    const askedAt = performance.now()
    await db.end()
    const answer = await reading
    expect(performance.now() - askedAt).toBeLessThan(2_000)
    expect(answer).toMatchObject({ code: expect.stringMatching(/^EL_(ENDED|CONNECTION_LOST)$/) })
    await expect.poll(() => proxy.connections.length, { timeout: 8_000 }).toBe(0)
  },
)

test('R08 a connection that is closed while the network goes silent keeps its socket for no more than its goodbye', async () => {
  await using proxy = await startFaultProxy(database.url)
  await using engines = createEngines({ main: engine()({ connection: proxy.url }) })
  const db = engines.open()
  await db.main('t').insert({ name: 'x' })
  let socket: { destroyed?: boolean } | undefined
  using strike = strikeAt<PgClient>('release:due', driver => {
    if (driver) driver.getTransactionStatus = () => 'T'
    socket = driver?.connection?.stream as typeof socket
    proxy.set(BLACK_HOLE)
  })
  await db.main.commit()
  expect(strike.struck).toBe(1)
  expect(socket?.destroyed).toBe(false)
  await expect.poll(() => socket?.destroyed, { timeout: 4_000 }).toBe(true)
  await db.end()
})
