import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { observe } from '../channels/channels.ts'
import type { CheckoutHolder } from '../channels/errors.ts'
import { checkEngine } from '../engines/check-engine.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { LineChoice, type HolderLines } from './holder-lines.ts'

let database: TestDatabase
const warnings: (Error & { code?: string })[] = []
const onWarning = (warning: Error) => void warnings.push(warning)
beforeAll(async () => void (database = await createDatabase('create table t (id serial primary key)')))
beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(async () => {
  process.off('warning', onWarning)
  await expectQuiet(database)
})
afterAll(() => database.drop())

const HERE = /^server-lib\/pool\/holder-lines\.test\.ts:\d+$/
const heldLong = () => warnings.filter(({ code }) => code === 'EL_HELD_LONG').map(({ message }) => message)

function open(holderLines: HolderLines, max = 10) {
  const engines = createEngines({
    main: engine()({
      connection: database.url,
      pool: { max },
      holderLines,
      checkoutTimeoutMs: 500,
      idleInTransactionWarningMs: 300,
    }),
  })
  const hold = async () => {
    const db = engines.open({ label: 'a job' })
    try {
      await db.main('t').insert({})
      return db
    } catch (error) {
      // Else closing would wait for it.
      await db.end()
      throw error
    }
  }
  const timeout = () => hold().then(() => expect.fail('the pool has room'), plain)
  return { engines, hold, timeout }
}

const plain = (error: unknown) => error as { message: string; holders: CheckoutHolder[] }

/** The lines of the holders that a full pool tells of, in the order of their check-outs. */
async function linesWhenFull(holderLines: HolderLines): Promise<[lines: (string | null)[], message: string]> {
  const { engines, hold, timeout } = open(holderLines, 4)
  const holders = []
  for (let number = 0; number < 4; number++) holders.push(await hold())
  const { holders: told, message } = await timeout()
  for (const db of holders) await db.end()
  await engines.close()
  expect(told.map(({ isLineTaken }) => isLineTaken)).toEqual(told.map(({ site }) => site !== null))
  return [told.map(({ site }) => site), message]
}

const LINE = expect.stringMatching(HERE)

test('always: each holder of a full pool has its line', async () => {
  const [lines, message] = await linesWhenFull('always')
  expect(lines).toEqual([LINE, LINE, LINE, LINE])
  expect(message).not.toContain('line not taken')
})

test('when busy: those that took the second half of the pool have their line, and the first is told without', async () => {
  const [lines, message] = await linesWhenFull('when busy')
  expect(lines).toEqual([null, LINE, LINE, LINE])
  expect(message).toMatch(/idle in transaction \d+ ms, line not taken; a job .* since server-lib\/pool\//)
})

test('never: no holder has a line, though an observer reads those of statements', async () => {
  const stop = observe('enginelight:statement', () => {}, { sites: true })
  const [lines, message] = await linesWhenFull('never')
  stop()
  expect(lines).toEqual([null, null, null, null])
  expect(message.match(/, line not taken/g)).toHaveLength(4)
})

test('when busy: a leak in a quiet pool is told without its line, and the next one with it', async () => {
  const { engines, hold } = open('when busy')
  const first = await hold()
  await vi.waitFor(() => expect(heldLong()).toHaveLength(1), 2_000)
  const second = await hold()
  await vi.waitFor(() => expect(heldLong()).toHaveLength(2), 2_000)
  expect(heldLong()[0]).toMatch(/, line not taken\. 1 connection of/)
  expect(heldLong()[1]).toMatch(/, since server-lib\/pool\/holder-lines\.test\.ts:\d+\. 2 connections of/)
  await first.end()
  await second.end()
  await engines.close()
})

test.each(['always', 'when busy'] as const)(
  '%s: a leak has its line wherever an observer is told of check-outs',
  async choice => {
    const overdue: unknown[] = []
    const stop = observe(
      'enginelight:checkout',
      told => void (told.phase === 'overdue' && overdue.push(told)),
    )
    const { engines, hold } = open(choice)
    const leak = await hold()
    await vi.waitFor(() => expect(overdue).toHaveLength(1), 2_000)
    expect(overdue).toEqual([expect.objectContaining({ site: LINE, isLineTaken: true })])
    stop()
    await leak.end()
    await engines.close()
  },
)

test('when busy: lines are captured after a commit was forgotten', async () => {
  const { engines, hold } = open('when busy')
  // At a line of its own: each is warned of once.
  const forgetful = engines.open({ label: 'forgetful' })
  await forgetful.main('t').insert({})
  await forgetful.end()
  await sleep(0)
  expect(warnings.map(({ code }) => code)).toEqual(['EL_NOT_COMMITTED'])
  const db = await hold()
  await vi.waitFor(() => expect(heldLong()).toHaveLength(1), 2_000)
  expect(heldLong()[0]).toContain(', since server-lib/pool/holder-lines.test.ts:')
  await db.end()
  await engines.close()
})

describe('check-outs of the application itself', () => {
  test.each([
    ['always', [LINE, LINE]],
    ['when busy', [null, LINE]],
    ['never', [null, null]],
  ] as const)('%s: by knex.transaction()', async (holderLines, expected) => {
    const { engines, timeout } = open(holderLines, 3)
    const { knex } = engines.get('main')
    const first = await knex.transaction()
    const second = await knex.transaction()
    const third = await knex.transaction()
    const { holders } = await timeout()
    expect(holders.slice(0, 2).map(({ site }) => site)).toEqual(expected)
    for (const transaction of [first, second, third]) await transaction.rollback()
    await engines.close()
  })

  test.each([
    ['always', [LINE, LINE]],
    ['when busy', [null, LINE]],
    ['never', [null, null]],
  ] as const)('%s: by connect() of a pg.Pool', async (holderLines, expected) => {
    const pool = new pg.Pool({ connectionString: database.url, max: 3 })
    const engines = createEngines({ main: engine()({ pool, holderLines, checkoutTimeoutMs: 150 }) })
    const clients = [await pool.connect(), await pool.connect(), await pool.connect()]
    const { holders } = await engines.scope(db => db.main.query('select 1')).then(() => expect.fail(), plain)
    expect(holders.slice(0, 2).map(({ site }) => site)).toEqual(expected)
    for (const client of clients) client.release()
    await engines.close()
    await pool.end()
  })
})

test('the default saves captures in production alone', () => {
  const { url: connection } = database
  expect(checkEngine('main', { connection }).holderLines).toBe('always')
  vi.stubEnv('NODE_ENV', 'production')
  expect(checkEngine('main', { connection }).holderLines).toBe('when busy')
  vi.unstubAllEnvs()
  const wrong = { connection, holderLines: 'sometimes' as 'never' }
  expect(() => checkEngine('main', wrong)).toThrow(
    "Engine \"main\": option holderLines must be 'always' or 'when busy' or 'never', not ",
  )
})

test('a pool in trouble has its lines captured for ten minutes', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const lines = new LineChoice()
    lines.choice = 'when busy'
    const quiet = () => lines.takesNext({ used: 0, waiting: 0 }, 10)
    expect(quiet()).toBe(false)
    expect(lines.takesNext({ used: 1, waiting: 2 }, 10)).toBe(false)
    expect(lines.takesNext({ used: 1, waiting: 3 }, 10)).toBe(true)
    expect(lines.takesNext({ used: 4, waiting: 0 }, 10)).toBe(true)
    lines.somethingWentWrong()
    vi.advanceTimersByTime(599_000)
    expect(quiet()).toBe(true)
    vi.advanceTimersByTime(2_000)
    expect(quiet()).toBe(false)
  } finally {
    vi.useRealTimers()
  }
})
