import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import { Page } from './testing/page.ts'
import { ownPanel } from './testing/panels.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table orders (id int, name text)')))
afterAll(() => database.drop())

test('a page sees a real session hold its connection, by whom and since which line, and then let go', async () => {
  await using engines = createEngines({
    writer: engine()({ connection: database.url, default: true, pool: { max: 3 } }),
  })
  // So that the panel starts late: the first connection is open already.
  await engines.warmup()
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)
  const db = engines.open({ label: 'job 1' })
  await db.writer.query("insert into orders values ($1, 'Ada')", [1])
  await page.until(() => page.state.checkouts.size === 1 && page.state.transactions.size === 1)
  const holder = [...page.state.checkouts.values()][0]
  expect(holder?.site).toMatch(/real-session\.test\.ts:\d+$/)
  expect([...page.texts.values()]).toContain('insert into orders values ($1, ?)')
  expect(JSON.stringify(page.messages)).not.toContain('Ada')
  await page.until(() => page.stats.length > 0)
  expect(page.stats.at(-1)?.engines).toEqual([['writer', 1, expect.any(Number), 0, 3, expect.any(Number)]])
  await db.writer.commit()
  await db.end()
  await page.until(
    () => page.state.checkouts.size + page.state.transactions.size + page.state.statements.size === 0,
  )
  await engines.close()
  await page.until(() => page.state.engines.get('writer') === 'closed' && page.state.connections.size === 0)
  const late = await Page.open(panel.url)
  await late.untilSeq(page.state.seq)
  expect(late.state.open()).toEqual(page.state.open())
  expect(page.state.open()).toMatchObject({ requests: {}, checkouts: {}, transactions: {}, statements: {} })
  await Promise.all([page.close(), late.close()])
  await expectQuiet(database)
})
