import { expect, test } from 'vitest'
import { strikeAt } from '../../identity/fault-points.ts'
import { listen } from '../../testing/story.ts'
import { twoDatabases } from '../../testing/two-databases.ts'
import { destroySocket } from './strikes.ts'

const two = twoDatabases()

test('B1 lazy join on first statement only: to name an engine costs nothing, and commits nothing', async () => {
  const { told, stop } = listen('statement', 'checkout', 'commit')
  await two.engines.run(db => {
    void db.writer
    void db.ledger('t').where({ id: 1 })
    void db.any
  })
  stop()
  expect(told().filter(line => !line.startsWith('commit'))).toEqual([])
  const db = two.engines.open()
  await db.ledger('t').insert({ name: 'a' })
  expect(await db.commit()).toMatchObject({ mode: 'one-phase', engines: { ledger: 'committed' } })
  await db.end()
  expect(await two.names()).toEqual([[], ['a']])
})

test('B2 idempotent join: however often and by how many at once an engine is used, it is one transaction', async () => {
  const { told, stop } = listen('statement')
  await two.engines.run(async db => {
    expect(db.writer).toBe(db.lazy('writer')())
    await Promise.all(['a', 'b', 'c'].map(name => db.writer('t').insert({ name })))
    await two.engines.run(() => two.engines.current.writer('t').insert({ name: 'd' }))
  })
  stop()
  expect(told().filter(line => /^statement (BEGIN|COMMIT)/.test(line))).toEqual([
    'statement BEGIN',
    'statement COMMIT',
  ])
  expect(await two.names()).toEqual([['a', 'b', 'c', 'd'], []])
})

test('B3 join when doomed: statements still run, also on engines that were not used before, and nothing of them stays', async () => {
  const db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  db.doom()
  await db.ledger('t').insert({ name: 'b' })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED' })
  await db.end()
  expect(await two.names()).toEqual([[], []])
})

test('B4 join after failed commit is an error with the original cause, until rollback()', async () => {
  await using db = two.engines.open()
  await db.writer('child').insert({ parent: 1 })
  const failed: unknown = await db.commit().catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'EL_COMMIT_FAILED', sqlstate: '23503' })
  for (const name of ['writer', 'ledger'] as const) {
    await expect(db[name]('t').insert({ name: 'late' })).rejects.toMatchObject({
      code: 'EL_ILLEGAL_MOVE',
      cause: failed,
    })
  }
  await db.rollback()
  await db.ledger('t').insert({ name: 'after' })
  await db.commit()
  expect(await two.names()).toEqual([[], ['after']])
})

test('B5 join while committing is an error, and the commit is not disturbed', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  let late: Promise<unknown> | undefined
  using _strike = strikeAt('commit:sent', () => {
    late = db
      .ledger('t')
      .insert({ name: 'late' })
      .catch((error: unknown) => error)
  })
  await db.commit()
  expect(await late).toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  expect(await two.names()).toEqual([['a'], []])
})

test('B6 failed join leaves no residue: the next statement begins anew, and is committed alone', async () => {
  await using db = two.engines.open()
  {
    using strike = strikeAt('begin:sent', destroySocket)
    await expect(db.writer('t').insert({ name: 'lost' })).rejects.toMatchObject({
      code: 'EL_CONNECTION_LOST',
    })
    expect(strike.struck).toBe(1)
  }
  expect(db.writer.state).toBe('idle')
  await db.ledger('t').insert({ name: 'b' })
  await db.writer('t').insert({ name: 'a' })
  expect(await db.commit()).toMatchObject({ mode: 'two-phase' })
  expect(await two.names()).toEqual([['a'], ['b']])
})
