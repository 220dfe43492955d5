import knexFactory from 'knex'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inShort } from './in-short.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase("create table t (v text unique); insert into t values ('a')")
})
afterAll(() => database.drop())

const SECRET = 'a secret - of somebody'
/** Fails with an error of the server, and knex writes the whole text in front of its message. */
const failing = `insert into t (v)\nselect 'a' where '${SECRET}' <> '' and length('${'x'.repeat(4_000)}') > 0`

const shown = 'insert into t (v) select ? where ? <> ? and length(?) > ?'

test.each([
  ['EL_TRANSACTION_FAILED', db => db.main.query('select 1'), shown],
  ['EL_COMMIT_ROLLED_BACK', db => db.main.commit(), shown],
  ['EL_COMMIT_ROLLED_BACK', db => db.commit(), shown],
  ['EL_DOOMED', db => db.commit(), undefined],
] as [string, (db: any) => Promise<unknown>, string | undefined][])(
  '%s is one sentence, in which a statement has no literal and is short',
  async (code, then, statement) => {
    await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
    await using plain = ending(
      knexFactory({ client: 'pg', connection: database.url, compileSqlOnError: true } as never),
    )
    for (const fail of [
      (db: any) => db.main.raw(failing),
      (db: any) => db.main.query(failing),
      (db: any) => db.main.knex.raw(failing),
      (db: any) => db.main.savepoint(() => db.main.raw(failing)),
      // This error comes from outside any session.
      () => plain.raw(failing),
    ]) {
      const error = (await engines
        .scope(async db => {
          const failure = await fail(db).catch((caught: unknown) => caught)
          // A failure undone by a savepoint has failed no transaction.
          const isOver = (db as any).main.state !== 'failed'
          if (code === 'EL_DOOMED') (db as any).doom(failure)
          else if (isOver) throw Object.assign(new Error('skip'), { code })
          await then(db)
        })
        .catch((caught: unknown) => caught)) as Error & { code?: string }
      expect(error.code).toBe(code)
      if (error.message === 'skip') continue
      expect(error.message).not.toContain('secret')
      expect(error.message.length).toBeLessThan(400)
      expect(error.message).toContain('23505, unique_violation')
      if (statement === undefined) continue
      expect(error.message).toContain(statement)
    }
  },
)

test('where its line is known, the sentence has it', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const db = engines.open()
  await db.main.query(failing).catch(() => {})
  await expect(db.main.query('select 1')).rejects.toMatchObject({
    message: expect.stringMatching(
      /failed before this statement \(insert .* at .*short-errors\.test\.ts:\d+: 23505, /,
    ),
    statement: expect.stringMatching(/short-errors\.test\.ts:\d+$/),
  })
  await db.end()
})

test('a text of a sentence is one line and short', () => {
  expect(inShort('select 1\n  from t', 20)).toBe('select 1 from t')
  expect(inShort('x'.repeat(10_000), 20)).toBe(`${'x'.repeat(19)}…`)
})
