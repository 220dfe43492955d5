import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import knexFactory from 'knex'
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createEngines, engine, EnginelightError } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import type { Finding } from '../model/finding.ts'
import { addToBaseline } from '../panel/baseline-file.ts'
import { addRule } from '../panel/judge/index.ts'
import { expectFindings, type FindingsExpected } from './expect-no-findings.ts'
import { expectNoFindings, expectStatements } from './index.ts'
import { Witness } from './witness.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table orders (id int unique, name text)')),
)
afterEach(async () => {
  await expectQuiet(database)
  await expectNoFindings()
})
afterAll(() => database.drop())

const enginesOf = () => createEngines({ writer: engine()({ connection: database.url, pool: { max: 3 } }) })

/** The findings for which it rejects, as kinds. */
async function kinds(options: FindingsExpected = {}): Promise<string[]> {
  return (await refused(expectNoFindings(options)))?.findings?.map(({ kind }) => kind) ?? []
}

const refused = (expectation: Promise<unknown>): Promise<EnginelightError | null> =>
  expectation.then(
    () => null,
    (error: EnginelightError) => error,
  )

test('work that gives everything back is no finding, and is not waited for', async () => {
  await using engines = enginesOf()
  await engines.run(async db => void (await db.writer('orders').insert({ id: 1 })))
  const from = performance.now()
  await expectNoFindings()
  expect(performance.now() - from).toBeLessThan(200)
})

test('a transaction of plain knex that is not ended fails its test alone, with its line', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
  await using engines = createEngines({ main: engine()({ knex }) })
  const trx = await knex.transaction()
  await trx('orders').insert({ id: 2 })
  const error = await refused(expectNoFindings())
  expect(error?.code).toBe('EL_FINDINGS')
  expect(error?.message).toMatch(
    /^1 finding since the last check:\n- leak: The test has ended, and work outside of any request still holds a connection of main, taken at .*expect\.test\.ts:\d+/,
  )
  expect(error?.message).toMatch(/\n {2}at .*expect\.test\.ts:\d+/)
  // The next test is not to blame, not even when more can be said of it.
  expect(await kinds()).toEqual([])
  await sleep(600)
  expect(await kinds()).toEqual([])
  await trx.rollback()
  await knex.destroy()
  void engines
})

test('a request that is over and holds a connection is a leak, in its own words and once', async () => {
  await using engines = enginesOf()
  const knex = engines.get().knex
  let left: { rollback(): Promise<unknown> } | undefined
  await engines.scope(async () => void (left = await knex.transaction()))
  const error = await refused(expectNoFindings())
  expect(error?.findings?.map(({ kind }) => kind)).toEqual(['leak'])
  expect(error?.message).toMatch(/ended .* and still holds a connection of writer/)
  await left?.rollback()
  expect(await kinds()).toEqual([])
})

test('a connection that comes back late, but soon, is waited for', async () => {
  await using engines = enginesOf()
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const client = await pool.connect()
  client.release()
  const db = engines.open()
  await db.writer.query('select 1')
  const ended = sleep(100).then(() => db.end())
  await expectNoFindings()
  await ended
  await pool.end()
})

test('a connection that is held by design is no leak', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await using engines = createEngines({ main: engine()({ pool }) })
  const client = await pool.connect()
  await client.query('listen jobs')
  await expectNoFindings()
  await client.query('unlisten jobs')
  client.release()
  await engines.close()
  await pool.end()
})

test('a write that is not committed is found, and a rollback that was asked for is not', async () => {
  await using engines = enginesOf()
  await engines.scope(async db => {
    await db.writer('orders').insert({ id: 3 })
    await db.rollback()
  })
  await expectNoFindings()
  await engines.scope(async db => void (await db.writer('orders').insert({ id: 3 })))
  expect(await kinds()).toContain('commit forgotten')
})

test('repeated statements: two are enough, unless the test says otherwise', async () => {
  await using engines = enginesOf()
  const read = (times: number) =>
    engines.run(async db => {
      for (let id = 0; id < times; id++) await db.writer('orders').where({ id }).first()
    })
  await read(1)
  await expectNoFindings()
  await read(2)
  const error = await refused(expectNoFindings())
  expect(error?.findings).toMatchObject([{ kind: 'n+1', site: expect.stringContaining('expect.test.ts') }])
  await read(4)
  await expectNoFindings({ similarFrom: 5 })
  await read(4)
  await expectNoFindings({ except: ['n+1'] })
  // Allowed once, it is not told later.
  expect(await kinds()).toEqual([])
})

test('what is in the baseline is known, wherever its line moves; anything else is told', async () => {
  await using engines = enginesOf()
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-baseline-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const baseline = join(folder, 'known.json')
  const byId = () =>
    engines.run(async db => {
      for (const id of [1, 2, 3]) await db.writer('orders').where({ id }).first()
    })
  const byName = () =>
    engines.run(async db => {
      for (const name of ['a', 'b']) await db.writer('orders').where({ name }).first()
    })
  await byId()
  const error = await refused(expectNoFindings({ baseline }))
  addToBaseline(baseline, error?.findings as Finding[])
  await byId()
  await expectNoFindings({ baseline })
  await byName()
  expect(await kinds({ baseline })).toEqual(['n+1'])
  await writeFile(baseline, 'known')
  expect(await refused(expectNoFindings({ baseline }))).toMatchObject({ code: 'EL_PANEL_CONFIG' })
})

test('a rule of the application fails a test too', async () => {
  const stop = addRule(() => [{ id: 'mine', sentence: 'Mine is wrong.' }])
  onTestFinished(stop)
  expect((await refused(expectNoFindings()))?.message).toContain('- own rule: Mine is wrong.')
  stop()
})

test('what a test provokes counts only where it is asked for', async () => {
  await using engines = enginesOf()
  const fail = () => engines.run(db => db.writer.query('select 1 / 0')).catch(() => {})
  await fail()
  await expectNoFindings()
  await fail()
  expect(await kinds({ also: ['transaction failed'] })).toEqual(['transaction failed'])
})

test('since: what was taken before is not asked about', async () => {
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } })
  await using engines = createEngines({ main: engine()({ knex }) })
  const trx = await knex.transaction()
  await sleep(600)
  await expectNoFindings({ since: performance.now() })
  await trx.rollback()
  await engines.close()
  await knex.destroy()
})

test('it is a hook as it stands: runners pass contexts, and Jest looks at the number of parameters', async () => {
  expect(expectNoFindings.length).toBe(0)
  const hook = expectNoFindings as (context: unknown) => Promise<void>
  class TestContext {}
  for (const context of [new TestContext(), () => {}, { task: {} }, undefined]) await hook(context)
})

test.each([
  [
    { exept: [] },
    'expectNoFindings: there is no option exept; there are except, also, since, baseline, similarFrom.',
  ],
  [{ except: ['leaks'] }, 'expectNoFindings: option except must be kinds of findings'],
  [{ similarFrom: 1 }, 'expectNoFindings: option similarFrom must be a whole number from 2, not 1.'],
])('wrong options are refused: %o', async (options, sentence) => {
  const error = await refused(expectNoFindings(options as object))
  expect(error).toMatchObject({ code: 'EL_CONFIG', message: expect.stringContaining(sentence) })
})

test('expectStatements resolves to the result, and counts no BEGIN and no COMMIT', async () => {
  await using engines = enginesOf()
  const read = () =>
    engines.run(async db => {
      await db.writer('orders').count('*')
      return db.writer('orders').where({ id: 41 }).pluck('id')
    })
  expect(await expectStatements(read, 2)).toEqual([])
  const error = await refused(expectStatements(read, 1))
  expect(error).toMatchObject({ code: 'EL_STATEMENTS', expected: 1 })
  expect(error?.statements).toHaveLength(2)
  expect(error?.message).toMatch(
    /^2 statements were sent, and 1 was expected:\n {2}1\. select count\(\*\) from "orders"\n {5}at .*expect\.test\.ts:\d+.*\n {2}2\. select/,
  )
  expect(error?.message).not.toContain('41')
  expect(await refused(expectStatements(async () => {}, 1))).toMatchObject({
    message: '0 statements were sent, and 1 was expected.',
  })
})

test('statements of plain code in no request count, literals are masked, and long ones are cut', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await using engines = createEngines({ main: engine()({ pool }) })
  const error = await refused(
    expectStatements(() => pool.query(`select 'secret', ${'1 + '.repeat(200)} 1`), 0),
  )
  expect(error?.message).not.toContain('secret')
  expect(error?.message).toContain('…')
  await engines.close()
  await pool.end()
})

test('expectStatements rejects with the error of the function, and with its own for wrong arguments', async () => {
  await expect(expectStatements(() => Promise.reject(new Error('mine')), 1)).rejects.toThrow('mine')
  const wrong = expectStatements as (...args: unknown[]) => Promise<unknown>
  await expect(wrong(1, 1)).rejects.toMatchObject({ code: 'EL_CONFIG' })
  await expect(wrong(() => {}, -1)).rejects.toMatchObject({ code: 'EL_CONFIG' })
  const first = expectStatements(() => sleep(20), 0)
  await expect(expectStatements(() => {}, 0)).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await first
})

test('another witness of the process ends the one before: Jest loads one for each file', async () => {
  const [first, second] = [new Witness(), new Witness()]
  first.start()
  second.start()
  await using engines = enginesOf()
  const before = first.last
  await engines.run(async db => void (await db.writer.query('select 1')))
  expect(first.last).toBe(before)
  expect(second.last).toBeGreaterThan(before)
  await expectFindings(second, {})
  second.stop()
})
