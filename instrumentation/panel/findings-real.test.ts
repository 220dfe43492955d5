import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { warn } from '../../server-lib/channels/errors.ts'
import { engineReports } from '../../server-lib/channels/index.ts'
import { createEngines, engine } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import type { Finding } from '../model/finding.ts'
import { Page } from './testing/page.ts'
import { ownPanel, type OpenPanel } from './testing/panels.ts'
import { stall } from '../../server-lib/testing/stall.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table orders (id int, name text)')))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

/** What is so, without the stalls of a busy machine. */
const found = (panel: OpenPanel) =>
  panel.findings().filter(({ kind, isOver }) => kind !== 'stalled' && !isOver)
const past = (panel: OpenPanel) => panel.findings().filter(({ kind, isOver }) => kind !== 'stalled' && isOver)

const one = (panel: OpenPanel, kind: Finding['kind']) => {
  const found = panel.findings().filter(finding => finding.kind === kind)
  expect(found).toHaveLength(1)
  return found[0]!
}

/** The server's process behind a connection. */
const pidOf = (connection: string | undefined) =>
  engineReports()
    .flatMap(({ connections }) => connections)
    .find(report => report.connection === connection)?.backendPid

/** The server's own word: its processes in this state, and for how many milliseconds. */
const inState = (state: string) =>
  database.admin<{ pid: number; ms: number }>(
    `select pid, (extract(epoch from clock_timestamp() - state_change) * 1000)::float8 as ms from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and state = $1`,
    [state],
  )

/** `3.2 s` or `640 ms` in a sentence, in milliseconds. */
const durationIn = (sentence: string) => {
  const [, number, unit] = /for (?:the )?([\d.]+) (ms|s)\b/.exec(sentence) ?? []
  return Number(number) * (unit === 's' ? 1_000 : 1)
}

test('idle in transaction: the backend, and how long, are what the server says', async () => {
  await using engines = createEngines({ writer: engine()({ connection: database.url, pool: { max: 2 } }) })
  const panel = await ownPanel({ engines })
  const page = await Page.open(panel.url)
  const db = engines.open({ label: 'job 1' })
  await db.writer.query('insert into orders values (1)')
  expect(found(panel)).toEqual([])
  await sleep(1_200)
  const finding = one(panel, 'idle in transaction')
  const [said, ...others] = await inState('idle in transaction')
  expect(others).toEqual([])
  expect(pidOf(finding.about.connection)).toBe(said?.pid)
  expect(Math.abs(durationIn(finding.sentence) - (said?.ms ?? 0))).toBeLessThan(400)
  expect(finding.sentence).toMatch(/^job 1 sits idle in a transaction of writer for .* at .*findings-real/)
  expect(finding.severity).toBe('warn')
  await page.until(() => page.findings.has(finding.key))
  // At work, and not idle any more: neither says so.
  const working = db.writer.query('select pg_sleep(0.4)')
  await sleep(150)
  expect(await inState('idle in transaction')).toEqual([])
  expect(found(panel)).toEqual([])
  await working
  await db.writer.commit()
  await db.end()
  await page.until(() => page.findings.get(finding.key)?.isOver === true)
  expect(found(panel)).toEqual([])
  // It stays, in the past, as the rows have it.
  expect(past(panel)).toMatchObject([{ key: finding.key, count: 1, since: finding.since }])
  expect(past(panel)[0]?.sentence).toMatch(/^job 1 sat idle in a transaction of writer for /)
  expect(durationIn(past(panel)[0]?.sentence ?? '')).toBeGreaterThan(1_100)
  await engines.close()
})

test('leak: the connection that is held beyond its request is one that the server still has open in a transaction', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  await using engines = createEngines({ main: engine()({ pool }) })
  const panel = await ownPanel({ engines })
  let client: pg.PoolClient | undefined
  await engines.scope(
    async () => {
      client = await pool.connect()
      await client.query('begin')
    },
    { label: 'nightly' },
  )
  expect(found(panel)).toEqual([])
  await sleep(400)
  const finding = one(panel, 'leak')
  const [said] = await inState('idle in transaction')
  expect(pidOf(finding.about.connection)).toBe(said?.pid)
  expect(finding.sentence).toMatch(
    /^nightly ended just now and still holds a connection of main, taken at .*findings-real\.test\.ts:\d+\.$/,
  )
  await client?.query('rollback')
  client?.release()
  expect(found(panel)).toEqual([])
  expect(past(panel).map(({ kind }) => kind)).toEqual(['outlived'])
  await engines.close()
  await pool.end()
})

test('pool full: as many as the server sees at work are held, and one waits', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 2 } }) })
  const panel = await ownPanel({ engines })
  const sleeping = [1, 2].map(async n => {
    const db = engines.open({ label: `report ${n}` })
    await db.main.query('select pg_sleep(0.8)')
    await db.end()
  })
  await sleep(300)
  expect(await inState('active')).toHaveLength(2)
  expect(found(panel)).toEqual([])
  const waiting = (async () => {
    const db = engines.open({ label: 'late' })
    await db.main.query('select 1')
    await db.end()
  })()
  await sleep(100)
  const finding = one(panel, 'pool full')
  const said = await inState('active')
  expect(finding.sentence).toBe(`main has no free connection: ${said.length} of 2 are held, 1 request waits.`)
  expect(finding.why).toMatch(/^All are executing, report \d \(findings-real\.test\.ts:\d+\) for /)
  await Promise.all([...sleeping, waiting])
  expect(found(panel)).toEqual([])
  await engines.close()
})

test('stalled: the loop is to blame, and not the transaction that was open meanwhile', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const panel = await ownPanel({ engines })
  const db = engines.open({ label: 'job 1' })
  await db.main.query('insert into orders values (1)')
  await sleep(20)
  stall(900)
  // The late heartbeat comes first.
  await sleep(1)
  expect(panel.findings().map(({ kind }) => kind)).toEqual(['stalled'])
  const finding = one(panel, 'stalled')
  // As accurate as a heartbeat of a quarter of a second.
  expect(durationIn(finding.sentence)).toBeGreaterThan(600)
  expect(durationIn(finding.sentence)).toBeLessThan(2_000)
  // The server saw nothing but a transaction that was idle all the time.
  expect((await inState('idle in transaction'))[0]?.ms).toBeGreaterThan(900)
  await sleep(700)
  expect(panel.findings().map(({ kind }) => kind)).toEqual(['idle in transaction', 'stalled'])
  await db.main.commit()
  await db.end()
  await engines.close()
})

test('overdue: a hold that the library warns of, until it is given back; and what else the library warns of', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  await using engines = createEngines({ main: engine()({ pool, heldWarningMs: 400 }) })
  const panel = await ownPanel({ engines })
  const client = await pool.connect()
  await sleep(200)
  expect(found(panel)).toEqual([])
  await sleep(700)
  const finding = one(panel, 'overdue')
  // How long it has lasted grows.
  expect(found(panel)).toMatchObject([{ key: finding.key }])
  expect(finding.sentence).toMatch(
    /^Work outside of any request holds a connection of main for \d+ ms, taken at .*findings-real\.test\.ts:\d+\.$/,
  )
  expect(finding.why).toBe('The engine allows 400 ms (heldWarningMs).')
  expect((await inState('idle')).map(({ pid }) => pid)).toContain(pidOf(finding.about.connection))
  client.release()
  expect(found(panel)).toEqual([])
  warn('EL_HOOK_FAILED', 'A hook threw.\n    at hook (orders.ts:1:1)')
  await sleep(0)
  expect(found(panel)).toMatchObject([{ kind: 'library warning', sentence: 'A hook threw.' }])
  await panel.close()
  const late = await ownPanel({ engines })
  expect(late.findings().filter(({ kind }) => kind !== 'stalled')).toEqual([])
  await engines.close()
  await pool.end()
})
