import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { formatGid, gidApplication } from '../../commit/gid.ts'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()

test('B24 prepare all, then commit all: at the decision every other one is prepared, and nobody is committed', async () => {
  const { engines, books } = two
  await books.admin('select pg_advisory_lock(7)')
  const committing = engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    await db.stock('t').insert({ name: 'b' })
    await db.ledger('t').insert({ name: 'c' })
    // Its COMMIT, which is the decision, waits for the lock.
    await db.ledger('gate').insert({ id: 1 })
  })
  await vi.waitFor(async () => expect(await two.prepared()).toHaveLength(2), { timeout: 3_000 })
  expect((await two.prepared()).map(gid => gid.split(':')[3]).sort()).toEqual(['stock', 'writer'])
  expect(await two.names()).toEqual([[], []])
  await books.admin('select pg_advisory_unlock(7)')
  await committing
  expect((await two.names()).map(names => names.sort())).toEqual([['a', 'b'], ['c']])
  expect(await two.prepared()).toEqual([])
})

test('B25 third-party failure after prepare: nothing is left prepared, and nothing committed', async () => {
  const { engines, books } = two
  await books.admin('select pg_advisory_lock(7)')
  const committing = engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    await db.stock('t').insert({ name: 'b' })
    await db.ledger('t').insert({ name: 'c' })
    await db.ledger('gate').insert({ id: 1 })
  })
  const failed = expect(committing).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  await vi.waitFor(async () => expect(await two.prepared()).toHaveLength(2), { timeout: 3_000 })
  await books.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'COMMIT' and state = 'active'`,
  )
  await failed
  expect([await two.names(), await two.prepared()]).toEqual([[[], []], []])
  await books.admin('select pg_advisory_unlock(7)')
})

test('B26 crash after prepare: recovery lists it, and ends it as its decision says', async () => {
  const { engines, shop, books } = two
  const [location] = await books.admin<{ id: string }>('select id from enginelight_location')
  const left = async (name: string, isDecided: boolean) => {
    const transaction = randomUUID()
    const gid = formatGid({
      application: gidApplication('two databases'),
      transaction,
      engine: 'writer',
      location: location?.id as string,
    })
    await shop.admin(`begin; insert into t (name) values ('${name}'); prepare transaction '${gid}'`)
    if (isDecided) {
      await books.admin(
        `insert into enginelight_decision (transaction, outcome, application, participants) values ($1, 'commit', 'two databases', $2)`,
        [transaction, JSON.stringify([{ engine: 'writer', database: shop.name, gid }])],
      )
    }
    return gid
  }
  const decided = await left('decided', true)
  const undecided = await left('undecided', false)
  const recovery = engines.recovery({ everyMs: false, olderThanMs: 0 })
  const { prepared } = await recovery.runNow()
  await recovery.stop()
  const outcomes = Object.fromEntries(prepared.map(({ gid, outcome }) => [gid, outcome]))
  expect(outcomes).toEqual({ [decided]: 'committed', [undecided]: 'rolled back' })
  expect([await two.names(), await two.prepared()]).toEqual([[['decided'], []], []])
})

test('B27 mixed: the single one that cannot be prepared is last, and holds the decision', async () => {
  await using db = two.engines.open()
  await db.ledger('t').insert({ name: 'a' })
  await db.writer('t').insert({ name: 'b' })
  // By its place the ledger would be last.
  await db.writer.query('notify x')
  expect(await db.commit()).toMatchObject({
    mode: 'two-phase',
    engines: { writer: 'committed', ledger: 'committed' },
  })
  expect(await two.names()).toEqual([['b'], ['a']])
})

test.each([
  ['a temporary table', 'create temporary table scratch (id int) on commit drop'],
  ['a NOTIFY by function', "select pg_notify('x', 'y')"],
])('B28 PREPARE refused for %s: a clean abort that says why', async (_what, text) => {
  await using db = two.engines.open()
  await db.ledger('t').insert({ name: 'a' })
  await db.writer('t').insert({ name: 'b' })
  await db.writer.query(text)
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_TWO_PHASE_UNAVAILABLE', engine: 'writer' })
  expect([await two.names(), await two.prepared()]).toEqual([[[], []], []])
  await db.rollback()
})
