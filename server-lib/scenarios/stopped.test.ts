import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { openOn, SOURCES } from '../testing/sources.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterAll(() => database.drop())

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error: { code: string }) => error.code,
  )

/** It ends as soon as it goes on, for its client has gone. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has gone already.
  }
}

/** A backend that hangs: it takes what is sent to it and answers when it is continued, with what was asked before. */
describe.each(SOURCES)('R09 a backend is stopped and goes on later, engine on %s', source => {
  test.each(['transaction', 'autocommit'] as const)('%s: its late answer reaches nobody', async mode => {
    await using watch = await watchGround(database, { max: 3 })
    const { engines, alsoClose } = openOn(source, database.url, {
      max: 1,
      mode,
      statementTimeoutMs: 200,
      commitTimeoutMs: 300,
      checkoutTimeoutMs: 1_500,
    })
    await engines.warmup()
    const stopped = (await database.backends())[0]?.pid as number
    process.kill(stopped, 'SIGSTOP')
    try {
      const from = performance.now()
      const first = codeOf(engines.scope(db => db.main.query("select 'old' as answer")))
      // Not at once: BEGIN may take as long as a check-out, and those who waited as long would end with it.
      await new Promise(resolve => setTimeout(resolve, 500))
      const others = Array.from({ length: 5 }, (_, index) =>
        engines.scope(async db => (await db.main.query(`select 'new ${index}' as answer`)).rows[0]),
      )
      expect(await first).toBe(mode === 'transaction' ? 'EL_CONNECTION_LOST' : 'EL_STATEMENT_TIMEOUT')
      // Their connection is another one, though the old backend is there still.
      expect(await Promise.all(others)).toEqual(
        Array.from({ length: 5 }, (_, index) => ({ answer: `new ${index}` })),
      )
      expect(performance.now() - from).toBeLessThan(5_000)
      expect((await database.backends()).map(one => one.pid)).toContain(stopped)
      process.kill(stopped, 'SIGCONT')
      const after = Array.from({ length: 20 }, (_, index) =>
        engines.scope(async db => (await db.main.query(`select 'after ${index}' as answer`)).rows[0]),
      )
      expect(await Promise.all(after)).toEqual(
        Array.from({ length: 20 }, (_, index) => ({ answer: `after ${index}` })),
      )
    } finally {
      goOn(stopped)
    }
    await watch.expectSound(engines, { alsoClose })
  })

  test('under a statement and under COMMIT: what was sent may happen later, and is told as unknown', async () => {
    await using watch = await watchGround(database, { max: 3 })
    await database.admin('truncate t')
    const { engines, alsoClose } = openOn(source, database.url, {
      max: 1,
      statementTimeoutMs: 100,
      commitTimeoutMs: 200,
    })
    const stopped: number[] = []
    const stop = (pid: number | null | undefined) => {
      stopped.push(pid as number)
      process.kill(pid as number, 'SIGSTOP')
    }
    try {
      const under = await codeOf(
        engines.scope(async db => {
          await db.main.query('select 1')
          stop(db.main.identity?.backendPid)
          await db.main('t').insert({ name: 'never committed' })
        }),
      )
      expect(under).toBe('EL_STATEMENT_TIMEOUT')
      const commit = await codeOf(
        engines.scope(async db => {
          await db.main('t').insert({ name: 'unknown' })
          stop(db.main.identity?.backendPid)
          await db.main.commit()
        }),
      )
      expect(commit).toBe('EL_COMMIT_UNKNOWN')
      // It is not decided yet, and so it is not to be seen.
      expect(await engines.scope(async db => (await db.main('t').select()).length)).toBe(0)
    } finally {
      for (const pid of stopped) goOn(pid)
    }
    await watch.expectSound(engines, { alsoClose })
    // The hung server had COMMIT in its buffer.
    expect((await database.admin('select name from t')).map(row => row.name)).toEqual(['unknown'])
  })
})
