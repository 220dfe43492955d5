import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { isLong } from '../testing/seeded.ts'
import { connectionOf } from './hosts/postgres-js.ts'
import { observedEngines } from '../channels/engine-reports.ts'
import { borrow, type HostConnection } from './index.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/**
 * Borrows in this many transactions of a host, twice. Returns how many connections are still alive, and how many the
 * engine knows.
 */
async function borrowedIn(
  transact: (use: (c: HostConnection) => Promise<unknown>) => Promise<unknown>,
  times: number,
) {
  let current: HostConnection | undefined
  const seen = new Set<WeakRef<HostConnection>>()
  const from = borrow({ connection: () => current })
  const engines = createEngines({ host: from.engine })
  const heap = async () => {
    for (let at = 0; at < 3; at++) {
      await new Promise(setImmediate)
      collectGarbage()
    }
    return process.memoryUsage().heapUsed
  }
  const run = async (count: number) => {
    for (let at = 0; at < count; at++) {
      await transact(async connection => {
        if (current !== connection) seen.add(new WeakRef(connection))
        current = connection
        await from.knex.raw('select 1')
        await engines.scope(db => db.host.query('select 1'))
      })
    }
    current = undefined
  }
  await run(times)
  const before = await heap()
  await run(times)
  const grown = (await heap()) - before
  const alive = [...seen].filter(one => one.deref() !== undefined).length
  const known = observedEngines().at(-1)!.report().connections.length
  await engines.close()
  return { grown, alive, known }
}

const TIMES = isLong ? 100_000 : 200

test('a host of one client for many transactions leaves nothing behind', { timeout: 600_000 }, async () => {
  const client = new pg.Client(database.url)
  await client.connect()
  const { grown, known } = await borrowedIn(async use => {
    await client.query('begin')
    await use(client)
    await client.query('commit')
  }, TIMES)
  await client.end()
  expect(known).toBe(1)
  expect(grown / TIMES).toBeLessThan(isLong ? 20 : 3_000)
})

test(
  'a host with a connection for each transaction is let go of with them',
  { timeout: 600_000 },
  async () => {
    const times = isLong ? 2_000 : 40
    const { alive, known } = await borrowedIn(async use => {
      await using client = ending(new pg.Client(database.url))
      await client.connect()
      await client.query('begin')
      await use(client)
      await client.query('commit')
    }, times)
    expect(known).toBeLessThan(4)
    expect(alive).toBeLessThan(10)
  },
)

test('so are the transactions of postgres.js', { timeout: 600_000 }, async () => {
  const sql = postgres(database.url, { max: 1, onnotice() {} })
  const { alive, known } = await borrowedIn(
    use => sql.begin(async tx => void (await use(await connectionOf(tx)))),
    isLong ? 10_000 : 200,
  )
  await sql.end()
  expect(known).toBeLessThan(4)
  expect(alive).toBeLessThan(10)
})
