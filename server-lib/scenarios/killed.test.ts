import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { strikeAt } from '../identity/fault-points.ts'
import { eventually } from '../testing/ground-truth.ts'
import { openOn, SOURCES } from '../testing/sources.ts'
import { expectBooks, watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
beforeEach(async () => void (await database.admin('truncate t')))
afterAll(() => database.drop())

const names = async () => (await database.admin('select name from t order by id')).map(row => row.name)
/** The signal that `pg_terminate_backend` sends, without a round trip. */
const terminate = (pid: number | null | undefined) => void process.kill(pid as number, 'SIGTERM')
const lost = { code: 'EL_CONNECTION_LOST', sqlstate: '57P01', cause: { code: '57P01' } }

describe.each(SOURCES)('R01 a backend is killed, engine on %s', source => {
  // `max` counts one more: a dead backend can be seen a moment longer than its successor.
  test('between two statements', async () => {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 1 })
    const error = await engines
      .scope(async db => {
        await db.main('t').insert({ name: 'lost' })
        terminate(db.main.identity?.backendPid)
        await expect.poll(() => db.main.state).toBe('lost')
        await db.main('t').select()
      })
      .catch((caught: unknown) => caught)
    expect(error).toMatchObject(lost)
    await engines.scope(async db => {
      await db.main('t').insert({ name: 'next' })
      await db.main.commit()
    })
    expect(await names()).toEqual(['next'])
    await watch.expectSound(engines, { alsoClose, ends: { killed: 1 } })
  })

  test('under a statement, and statements that stood behind it', async () => {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 1 })
    const db = engines.open()
    await db.main('t').insert({ name: 'lost' })
    const pid = db.main.identity?.backendPid
    using _strike = strikeAt('statement:sent', () => void setTimeout(terminate, 50, pid))
    const answers = await Promise.allSettled([
      db.main.query('select pg_sleep(10)'),
      db.main('t').insert({ name: 'behind' }),
      db.main.commit(),
    ])
    expect(answers).toMatchObject([
      { reason: lost },
      { reason: { code: 'EL_CONNECTION_LOST' } },
      { reason: { code: 'EL_CONNECTION_LOST' } },
    ])
    await db.main.rollback()
    await db.main('t').insert({ name: 'anew' })
    await db.main.commit()
    await db.end()
    expect(await names()).toEqual(['anew'])
    await watch.expectSound(engines, { alsoClose, ends: { killed: 1 } })
  })

  test.each(['commit:due', 'commit:sent'] as const)('at %s: what is acknowledged is there', async point => {
    await using watch = await watchGround(database, { max: 2 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 1 })
    const outcomes: Record<string, string> = {}
    const killed = new Set<number | null | undefined>()
    for (let index = 0; index < 5; index++) {
      const name = `row ${index}`
      await engines
        .scope(async db => {
          await db.main('t').insert({ name })
          const pid = db.main.identity?.backendPid
          killed.add(pid)
          using _strike = strikeAt(point, () => terminate(pid))
          await db.main.commit()
          outcomes[name] = 'committed'
        })
        .catch((error: { code: string }) => void (outcomes[name] = error.code))
    }
    const kept = await names()
    for (const [name, outcome] of Object.entries(outcomes)) {
      if (outcome === 'committed') expect(kept).toContain(name)
      // Killed just after its COMMIT was answered: the next one begins on a corpse that nobody knows of yet.
      else if (outcome === 'EL_CONNECTION_LOST') expect(kept).not.toContain(name)
      else expect(outcome).toBe('EL_COMMIT_UNKNOWN')
    }
    // The last one may be dying still.
    await eventually(async () => (await database.backends()).filter(({ pid }) => killed.has(pid)), [])
    await watch.expectSound(engines, { alsoClose })
  })

  test('while it is idle in the pool: nobody notices', async () => {
    await using watch = await watchGround(database, { max: 4 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 2 })
    let held = 0
    const holdUntilBothAre = () =>
      engines.scope(async db => {
        await db.main.query('select 1')
        held++
        await expect.poll(() => held).toBe(2)
      })
    await Promise.all([holdUntilBothAre(), holdUntilBothAre()])
    const idle = await database.backends()
    expect(idle).toHaveLength(2)
    for (const { pid } of idle) terminate(pid)
    await expect.poll(async () => (await database.backends()).length).toBe(0)
    // The server is through with them; what it said last has still to be read.
    await expectBooks(database)
    await Promise.all(
      [1, 2, 3, 4].map(() =>
        engines.scope(async db => {
          await db.main('t').insert({ name: 'fine' })
          await db.main.commit()
        }),
      ),
    )
    expect(await names()).toEqual(['fine', 'fine', 'fine', 'fine'])
    await watch.expectSound(engines, { alsoClose, ends: { killed: 2 } })
  })

  test('between check-out and BEGIN, and between BEGIN and its answer', async () => {
    await using watch = await watchGround(database, { max: 3 })
    const { engines, alsoClose } = openOn(source, database.url, { max: 1 })
    for (const point of ['check-out:granted', 'begin:sent', 'rollback:sent', 'release:due'] as const) {
      using strike = strikeAt(point, driver => terminate(driver?.processID))
      const outcome = await engines
        .scope(async db => void (await db.main('t').insert({ name: 'never committed' })))
        .then(
          () => 'fine',
          (error: { code: string }) => error.code,
        )
      expect(strike.struck).toBe(1)
      // A killed backend may still have answered what was sent to it.
      expect(['fine', 'EL_CONNECTION_LOST']).toContain(outcome)
      // One that was killed too late for its own unit of work is not to be the next one's loss.
      await expect.poll(async () => (await database.backends()).length).toBe(0)
      await expectBooks(database)
    }
    // The last was killed as it went back: the next one must not be given it, or hear of it as its own loss.
    await engines.scope(async db => void (await db.main('t').select()))
    expect(await names()).toEqual([])
    await watch.expectSound(engines, { alsoClose })
  })
})
