import { expect, test, vi } from 'vitest'
import type { CommitReport } from '../../index.ts'
import { listen } from '../../testing/story.ts'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()

/** Warnings of the process while something runs. */
async function warningsOf(run: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = []
  const onWarning = (warning: Error & { code?: string }) => void seen.push(warning.code ?? warning.name)
  process.on('warning', onWarning)
  try {
    await run()
    await new Promise(resolve => setImmediate(resolve))
  } finally {
    process.off('warning', onWarning)
  }
  return seen
}

test('B40 hooks are called in the order of asking, each awaited, with the report of the commit', async () => {
  await using db = two.engines.open()
  const order: string[] = []
  let given: unknown
  db.beforeCommit(async () => {
    await new Promise(resolve => setTimeout(resolve, 20))
    order.push('before 1')
  })
  db.beforeCommit(() => order.push('before 2'))
  db.afterCommit(report => {
    given = report
    order.push('after 1')
  })
  db.afterCommit(() => order.push('after 2'))
  await db.writer('t').insert({ name: 'a' })
  const report = await db.commit()
  expect(order).toEqual(['before 1', 'before 2', 'after 1', 'after 2'])
  expect(given).toBe(report)
})

test('B41 a hook may add hooks: those of beforeCommit are called before the same commit', async () => {
  const order: string[] = []
  await two.engines.run(async db => {
    db.beforeCommit(async () => {
      order.push('outer')
      db.beforeCommit(async () => {
        order.push('inner')
        await db.ledger('t').insert({ name: 'by a hook' })
      })
    })
    await db.writer('t').insert({ name: 'a' })
  })
  expect(order).toEqual(['outer', 'inner'])
  expect(await two.names()).toEqual([['a'], ['by a hook']])
})

test('B42 hooks are consumed: the next commit, and the next rollback, do not call them again', async () => {
  await using db = two.engines.open()
  const called: string[] = []
  db.beforeCommit(() => called.push('before'))
  db.afterCommit(() => called.push('after'))
  db.afterRollback(() => called.push('undone'))
  await db.commit()
  await db.commit()
  await db.rollback()
  expect(called).toEqual(['before', 'after'])
})

test('B43 an error before the commit aborts everything: ours rolls back, and calls no other hook but those of rollback', async () => {
  await using db = two.engines.open()
  const thrown = new Error('no')
  const called: unknown[] = []
  db.beforeCommit(() => {
    throw thrown
  })
  db.beforeCommit(() => called.push('second'))
  db.afterCommit(() => called.push('after'))
  db.afterRollback((_report, error) => called.push(error))
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'b' })
  await expect(db.commit()).rejects.toBe(thrown)
  expect(called).toEqual([thrown])
  expect([db.writer.identity, db.ledger.identity]).toEqual([undefined, undefined])
  await db.rollback()
  expect(await two.names()).toEqual([[], []])
})

test.each([[undefined], [null], ['a text']])('B43 whatever it throws (%s)', async thrown => {
  await using db = two.engines.open()
  const told: unknown[] = []
  db.beforeCommit(() => {
    throw thrown
  })
  db.afterRollback((report, error) => told.push(report, error))
  await db.writer('t').insert({ name: 'a' })
  const outcome = await db.commit().then(
    () => 'committed',
    (error: unknown) => ({ error }),
  )
  expect([outcome, told]).toEqual([{ error: thrown }, [undefined, thrown]])
  await db.rollback()
})

test('B44 after a commit the hooks are told more than a boolean: what became of each engine; of one that failed, those of rollback', async () => {
  await using db = two.engines.open()
  const told: [string, CommitReport | undefined][] = []
  const ask = () => {
    db.afterCommit(report => void told.push(['committed', report]))
    db.afterRollback(report => void told.push(['rolled back', report]))
  }
  ask()
  await db.writer('t').insert({ name: 'a' })
  await db.commit()
  ask()
  await db.writer('child').insert({ parent: 1 })
  await expect(db.commit()).rejects.toThrow('23503')
  expect(told.map(([how, report]) => [how, report?.engines.writer])).toEqual([
    ['committed', 'committed'],
    ['rolled back', 'rolled back'],
  ])
  await db.rollback()
})

test('B45 an error after the commit is isolated: the others are called, the commit stands, and a warning tells', async () => {
  const called: string[] = []
  const warnings = await warningsOf(() =>
    two.engines.run(async db => {
      db.afterCommit(() => {
        called.push('first')
        throw new Error('mail server')
      })
      db.afterCommit(() => Promise.reject(new Error('rejected')))
      db.afterCommit(() => called.push('third'))
      await db.writer('t').insert({ name: 'a' })
    }),
  )
  expect(called).toEqual(['first', 'third'])
  expect(warnings).toEqual(['EL_HOOK_FAILED', 'EL_HOOK_FAILED'])
  expect(await two.names()).toEqual([['a'], []])
})

test('B46 hooks of rollback are called on a rollback alone, and those of commit on a commit alone', async () => {
  const called: string[] = []
  const ask = (db: ReturnType<typeof two.engines.open>, name: string) => {
    db.beforeCommit(() => called.push(`${name} before`))
    db.afterCommit(() => called.push(`${name} after`))
    db.afterRollback(() => called.push(`${name} undone`))
  }
  const db = two.engines.open()
  ask(db, 'commit')
  await db.commit()
  ask(db, 'rollback')
  await db.rollback()
  ask(db, 'end')
  await db.end()
  await expect(
    two.engines.run(db => {
      ask(db, 'run')
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(called).toEqual(['commit before', 'commit after', 'rollback undone', 'end undone', 'run undone'])
})

test('B47 work done in a hook after the commit is not committed with it, and is cleaned', async () => {
  const { told, stop } = listen('statement')
  await two.engines.run(async db => {
    db.afterCommit(async () => {
      await db.writer('t').insert({ name: 'late' })
    })
    await db.writer('t').insert({ name: 'a' })
  })
  stop()
  await vi.waitFor(() => expect(told().filter(line => line === 'statement ROLLBACK')).toHaveLength(1))
  expect(await two.names()).toEqual([['a'], []])
})
