import { expect, test } from 'vitest'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()

test('B37 doom, then commit: an error, and again; rollback is fine, and begins anew', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  const reason = new Error('over the limit')
  db.doom(reason)
  for (const _time of [1, 2]) {
    await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED', cause: reason })
    expect(db.isDoomed).toBe(true)
  }
  await db.rollback()
  expect(db.isDoomed).toBe(false)
  await db.writer('t').insert({ name: 'b' })
  await db.commit()
  expect(await two.names()).toEqual([['b'], []])
})

test('B37 a run whose function dooms and resolves is not committed', async () => {
  const running = two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    db.doom()
  })
  await expect(running).rejects.toMatchObject({ code: 'EL_DOOMED' })
  expect(await two.names()).toEqual([[], []])
})

test('B38 doom twice is once, and the first reason is the one that is told', async () => {
  await using db = two.engines.open()
  const [first, second] = [new Error('first'), new Error('second')]
  db.doom(first)
  db.doom(second)
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED', cause: first })
})

test('B39 doom after commit concerns the next unit of work; while one is committed, after one that failed and after the end it is an error', async () => {
  const db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  let whileCommitting: unknown
  db.afterCommit(() => {})
  const committing = db.commit()
  await Promise.resolve()
  try {
    // The hooks before the commit may still doom it; from then on nobody can.
    await new Promise(resolve => setImmediate(resolve))
    db.doom()
  } catch (error) {
    whileCommitting = error
  }
  await committing
  expect(whileCommitting).toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  db.doom()
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED' })
  await db.rollback()
  await db.writer('child').insert({ parent: 1 })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_COMMIT_FAILED' })
  expect(() => db.doom()).toThrow(expect.objectContaining({ code: 'EL_ILLEGAL_MOVE' }))
  await db.end()
  expect(() => db.doom()).toThrow(expect.objectContaining({ code: 'EL_ENDED' }))
  expect(await two.names()).toEqual([['a'], []])
})
