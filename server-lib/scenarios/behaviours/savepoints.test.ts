import { expect, test } from 'vitest'
import { strikeAt } from '../../identity/fault-points.ts'
import { twoDatabases } from '../../testing/two-databases.ts'
import { destroySocket } from './strikes.ts'

const two = twoDatabases()
type Open = ReturnType<typeof two.engines.open>

async function writeBoth(db: Open, name: string): Promise<void> {
  await db.writer('t').insert({ name })
  await db.ledger('t').insert({ name })
}

/** A savepoint that writes this on both, and is undone. */
const undone = (db: Open, name: string, more: () => Promise<unknown> = () => Promise.resolve()) =>
  expect(
    db.savepoint(async () => {
      await writeBoth(db, name)
      await more()
      throw new Error(name)
    }),
  ).rejects.toThrow(name)

test('B29 nested rollback: the inner one alone is undone, on all engines', async () => {
  await two.engines.run(async db => {
    await writeBoth(db, 'outer')
    await db.savepoint(async () => {
      await writeBoth(db, 'middle')
      await undone(db, 'inner')
    })
  })
  expect(await two.names()).toEqual([
    ['outer', 'middle'],
    ['outer', 'middle'],
  ])
})

test('B30 reuse: a savepoint that was undone can be tried again, as often as one likes', async () => {
  await two.engines.run(async db => {
    await writeBoth(db, 'first')
    for (let time = 0; time < 3; time++) await undone(db, 'same')
    await db.savepoint(() => writeBoth(db, 'same'))
  })
  expect(await two.names()).toEqual([
    ['first', 'same'],
    ['first', 'same'],
  ])
})

test('B31 later ones are invalidated: what they had kept is undone with the one around them', async () => {
  await two.engines.run(async db => {
    await writeBoth(db, 'first')
    await undone(db, 'around', async () => {
      await db.savepoint(() => writeBoth(db, 'kept inside'))
      await db.ledger.savepoint(() => db.ledger('t').insert({ name: 'kept by the session' }))
    })
  })
  expect(await two.names()).toEqual([['first'], ['first']])
})

test('B32 a resource joined later is aborted when the savepoint is undone, and can rejoin', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'before' })
  await undone(db, 'joined')
  expect([db.writer.state, db.ledger.state]).toEqual(['active', 'idle'])
  await db.ledger('t').insert({ name: 'again' })
  expect(await db.commit()).toMatchObject({ mode: 'two-phase' })
  expect(await two.names()).toEqual([['before'], ['again']])
})

test('B33 unsupported: an engine without transactions refuses a savepoint of its own, and takes no part in that of all', async () => {
  await using db = two.engines.open()
  await expect(db.logger.savepoint(() => {})).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await undone(db, 'x', () => db.logger('t').insert({ name: 'log' }) as unknown as Promise<unknown>)
  await db.end()
  expect(await two.names()).toEqual([[], ['log']])
})

test('B34 an error of a savepoint itself makes the transaction uncommittable', async () => {
  await using db = two.engines.open()
  await writeBoth(db, 'a')
  let armed: Disposable | undefined
  const keeping = db.savepoint(async () => {
    await writeBoth(db, 'b')
    // RELEASE of one of the two is lost, when the other one may have been answered.
    armed = strikeAt('statement:sent', destroySocket, { after: 1 })
  })
  await expect(keeping).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  armed?.[Symbol.dispose]()
  // Nor where the one that is lost begins anew by itself: the other one has kept its half.
  for (const session of [db.writer, db.ledger]) if (session.state === 'lost') await session.rollback()
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED' })
  await db.rollback()
  expect(await two.names()).toEqual([[], []])
})

test('B35 invalid after commit or rollback: inside of one commit is refused, and rollback makes it fail', async () => {
  await using db = two.engines.open()
  await writeBoth(db, 'a')
  await db.savepoint(async () => {
    await expect(db.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', state: 'in a savepoint' })
  })
  await expect(db.savepoint(() => db.rollback())).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  expect(await db.commit()).toMatchObject({ mode: 'nothing' })
  expect(await two.names()).toEqual([[], []])
})

test('B36 hooks are not fired by a savepoint, kept or undone', async () => {
  const called: string[] = []
  await two.engines.run(async db => {
    db.beforeCommit(() => called.push('before'))
    db.afterCommit(() => called.push('after'))
    db.afterRollback(() => called.push('undone'))
    await writeBoth(db, 'a')
    await db.savepoint(() => writeBoth(db, 'b'))
    await undone(db, 'c')
    expect(called).toEqual([])
  })
  expect(called).toEqual(['before', 'after'])
})
