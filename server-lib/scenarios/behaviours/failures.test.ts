import { expect, test } from 'vitest'
import { strikeAt } from '../../identity/fault-points.ts'
import { twoDatabases } from '../../testing/two-databases.ts'
import { destroySocket } from './strikes.ts'

const two = twoDatabases()
const open = () => two.engines.open()
type Open = ReturnType<typeof open>

async function writeBoth(db: Open, name = 'x'): Promise<void> {
  await db.writer('t').insert({ name })
  await db.ledger('t').insert({ name })
}

const failureOf = (db: Open): Promise<unknown> =>
  db.commit().then(
    report => report,
    (error: unknown) => error,
  )

test('B16 fail in begin: nothing is open on the others afterwards', async () => {
  await using db = open()
  await db.writer('t').insert({ name: 'x' })
  using _strike = strikeAt('begin:sent', destroySocket)
  await expect(db.ledger('t').insert({ name: 'x' })).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  await db.rollback()
  expect(await two.names()).toEqual([[], []])
})

test('B16 fail in vote (a constraint at PREPARE): the others are rolled back, and the original error is kept', async () => {
  await using db = open()
  await writeBoth(db)
  await db.writer('child').insert({ parent: 1 })
  // What goes wrong while the others are rolled back is not what the caller hears of.
  using strike = strikeAt('rollback:sent', destroySocket)
  expect(await failureOf(db)).toMatchObject({
    code: 'EL_COMMIT_FAILED',
    sqlstate: '23503',
    engine: 'writer',
    cause: { constraint: 'child_parent_fkey' },
    report: { engines: { writer: 'rolled back', ledger: 'rolled back' } },
  })
  expect(strike.struck).toBe(1)
  expect(await two.names()).toEqual([[], []])
})

test('B16 fail in commit (the decision): those that are prepared are rolled back', async () => {
  await using db = open()
  await writeBoth(db)
  await db.ledger('child').insert({ parent: 1 })
  expect(await failureOf(db)).toMatchObject({ code: 'EL_COMMIT_FAILED', sqlstate: '23503', engine: 'ledger' })
  expect([await two.names(), await two.prepared()]).toEqual([[[], []], []])
})

test.each(['ledger', 'reader'] as const)(
  'B16 fail before all: one that is lost (%s), though it has only read, keeps the others from being committed',
  async name => {
    await using db = open()
    await db.writer('t').insert({ name: 'x' })
    await db[name].query('select 1')
    await two.books.admin(`select pg_terminate_backend(${db[name].identity?.backendPid})`)
    await expect.poll(() => db[name].state).toBe('lost')
    expect(await failureOf(db)).toMatchObject({
      code: 'EL_CONNECTION_LOST',
      report: { engines: { writer: 'rolled back' } },
    })
    expect(await two.names()).toEqual([[], []])
  },
)

test('B17 fail in finish: after the decision an engine that is lost is committed on another connection', async () => {
  await using db = open()
  await writeBoth(db)
  using strike = strikeAt('end-prepared:sent', destroySocket)
  expect(await failureOf(db)).toMatchObject({ engines: { writer: 'committed', ledger: 'committed' } })
  expect(strike.struck).toBe(1)
  expect(await two.names()).toEqual([['x'], ['x']])
})

test('B17 fail in finish without a decision: a loud report of what is committed and what is not', async () => {
  await using db = open()
  await writeBoth(db)
  for (const name of ['writer', 'ledger'] as const) await db[name].query('notify x')
  using _strike = strikeAt('commit:due', destroySocket, { after: 1 })
  const failure = await failureOf(db)
  expect(failure).toMatchObject({ code: 'EL_PARTIAL_COMMIT', committed: ['writer'], engine: 'ledger' })
  const { failed, unknown } = failure as { failed: string[]; unknown: string[] }
  expect([...failed, ...unknown]).toEqual(['ledger'])
  expect(await two.names()).toEqual([['x'], []])
})

test('an engine that has only read and fails after the others is told as part of a commit that is not whole', async () => {
  await using db = open()
  await db.writer('t').insert({ name: 'x' })
  await db.ledger('t').select()
  using _strike = strikeAt('commit:due', destroySocket, { after: 1 })
  const failure = await db.commit().catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'EL_PARTIAL_COMMIT',
    message: expect.stringMatching(
      /^Not all is committed: engine "ledger" failed \(.*\): "writer" committed, /,
    ),
    committed: ['writer'],
    report: { mode: 'one-phase' },
  })
  expect(await two.names()).toEqual([['x'], []])
})

test.each([['one engine'], ['two engines']])(
  'B18 COMMIT answered with ROLLBACK must raise (%s)',
  async which => {
    await using db = open()
    if (which === 'two engines') await db.writer('t').insert({ name: 'x' })
    await db.ledger('t').insert({ name: 'x' })
    // Behind the session's back, so that it believes that all is well.
    using _strike = strikeAt('commit:due', driver => driver?.query('select 1/0', () => {}))
    expect(await failureOf(db)).toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
    expect([await two.names(), await two.prepared()]).toEqual([[[], []], []])
  },
)

test('B18 PREPARE answered with ROLLBACK must raise', async () => {
  await using db = open()
  await writeBoth(db)
  using _strike = strikeAt('decision:answered', () => {
    const knex = two.engines.get('writer').knex.client as {
      pool: { used: { resource: { query(text: string, callback: () => void): void } }[] }
    }
    for (const { resource } of knex.pool.used) resource.query('select 1/0', () => {})
  })
  expect(await failureOf(db)).toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
  expect([await two.names(), await two.prepared()]).toEqual([[[], []], []])
})

test('B19 a deferred constraint at COMMIT raises, with the constraint in its cause', async () => {
  await using db = open()
  await db.writer('child').insert({ parent: 5 })
  expect(await failureOf(db)).toMatchObject({
    code: 'EL_COMMIT_FAILED',
    sqlstate: '23503',
    cause: { constraint: 'child_parent_fkey' },
  })
})

test('B20 connection lost during COMMIT: the outcome is unknown, and is said to be', async () => {
  await using db = open()
  await db.writer('t').insert({ name: 'x' })
  using _strike = strikeAt('commit:sent', destroySocket)
  expect(await failureOf(db)).toMatchObject({
    code: 'EL_COMMIT_UNKNOWN',
    report: { engines: { writer: 'unknown' } },
  })
})

test('B20 connection lost during COMMIT of several: the decision row tells, so it is known', async () => {
  await using db = open()
  await writeBoth(db)
  using _strike = strikeAt('commit:sent', destroySocket)
  const outcome = await failureOf(db)
  const names = await two.names()
  // Whether the packet reached the server is chance; what is said of it is not.
  if (outcome instanceof Error) expect(names).toEqual([[], []])
  else expect(names).toEqual([['x'], ['x']])
})

const FAILURES: [string, (db: Open) => Promise<Disposable | void>][] = [
  ['a statement', async db => void (await db.ledger.query('select 1/0').catch(() => {}))],
  ['a deferred constraint', async db => void (await db.writer('child').insert({ parent: 1 }))],
  ['PREPARE that is lost', async () => strikeAt('prepare:sent', destroySocket)],
  ['the decision that is lost', async () => strikeAt('commit:due', destroySocket)],
  ['a hook', async db => void db.beforeCommit(() => Promise.reject(new Error('no')))],
  ['doom', async db => db.doom()],
]

test.each(FAILURES)('B21 after failure of %s everything is usable again', async (_what, fail) => {
  await using db = open()
  await writeBoth(db)
  const strike = await fail(db)
  await expect(db.commit()).rejects.toThrow()
  strike?.[Symbol.dispose]()
  await db.rollback()
  await writeBoth(db, 'after')
  expect(await db.commit()).toMatchObject({ mode: 'two-phase' })
  expect(await two.names()).toEqual([['after'], ['after']])
})

test('B22 rollback runs all: on the other engines and in the other hooks, even where one is lost or throws', async () => {
  await using db = open()
  await writeBoth(db)
  const called: string[] = []
  db.afterRollback(() => {
    called.push('first')
    throw new Error('of a hook')
  })
  db.afterRollback(() => void called.push('second'))
  using strike = strikeAt('rollback:sent', destroySocket)
  // A transaction whose connection is gone is rolled back: there is no error that could surface.
  await db.rollback()
  expect([called, strike.struck]).toEqual([['first', 'second'], 1])
  expect([db.writer.state, db.ledger.state]).toEqual(['idle', 'idle'])
  expect(await two.names()).toEqual([[], []])
})

test('B23 rollback twice is a no-op, and so is one of nothing', async () => {
  await using db = open()
  await db.rollback()
  await db.writer('t').insert({ name: 'x' })
  await db.rollback()
  await db.rollback()
  await Promise.all([db.rollback(), db.rollback()])
  expect(await two.names()).toEqual([[], []])
})
