import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import { kindOf } from '../model/codec.ts'
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

test('a holder whose line was not taken is told as such, to a page that comes late and where no line is ever taken', async () => {
  const engines = createEngines({
    quiet: engine()({ connection: database.url, default: true, holderLines: 'when busy' }),
    never: engine()({
      connection: database.url,
      pool: { max: 1 },
      holderLines: 'never',
      checkoutTimeoutMs: 100,
    }),
  })
  const before = engines.open({ label: 'before' })
  await before.quiet.query('select 1')
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)
  const after = engines.open({ label: 'after' })
  await after.quiet.query('select 1')
  await after.never.query('select 1')
  await engines
    .open()
    .never.query('select 1')
    .catch(() => {})
  const lines = () => [...page.state.checkouts.values()].map(({ site, isLineTaken }) => [site, isLineTaken])
  const rows = () => page.messages.flatMap(message => (message.type === 'ev' ? message.rows : []))
  const failed = () => rows().find(row => kindOf(row) === 'checkoutFailed')
  await page.until(() => lines().length === 3 && failed() !== undefined)
  expect(lines()).toEqual([
    ['', false],
    [expect.stringMatching(/real-session\.test\.ts:\d+$/), true],
    ['', false],
  ])
  expect(failed()?.at(-1)).toEqual([expect.objectContaining({ site: null, isLineTaken: false })])
  await before.end()
  await after.end()
  await page.close()
  await panel.close()
  await engines.close()
  await expectQuiet(database)
})
