import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { observe } from '../../channels/channels.ts'
import type { CommitParticipant } from '../../channels/commit-messages.ts'
import { createEngines, engine } from '../../index.ts'
import { since } from '../../testing/postgres-major.ts'
import { listen } from '../../testing/story.ts'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()

/** The steps of commits, in order, without the deletion of the decision row, which nobody waits for. */
const steps = (told: readonly string[]) =>
  told.filter(line => line.startsWith('step') && !line.startsWith('step forget'))

test('B7 order across engines: the decision row, then all PREPARE, then the decision, then all COMMIT PREPARED', async () => {
  const { told, stop } = listen('commit')
  await two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    await db.stock('t').insert({ name: 'b' })
    await db.ledger('t').insert({ name: 'c' })
  })
  stop()
  const phases = steps(told()).map(line => line.replace(/ (writer|stock|ledger)\b/, ''))
  expect(phases).toEqual([
    'step decision',
    'step decision: INSERT',
    // In parallel: both are sent before either is answered.
    'step prepare',
    'step prepare',
    'step prepare: PREPARE',
    'step prepare: PREPARE',
    'step commit',
    'step commit: COMMIT',
    'step commit prepared',
    'step commit prepared',
    'step commit prepared: COMMIT',
    'step commit prepared: COMMIT',
  ])
})

test('B8 sort by priority, stable: the highest is last, and of equals the one declared last', async () => {
  const ranked = (priorities: number[]) =>
    createEngines({
      one: engine()({ connection: two.shop.url, priority: priorities[0] as number, pool: { max: 1 } }),
      two: engine()({ connection: two.shop.url, priority: priorities[1] as number, pool: { max: 1 } }),
      three: engine()({ connection: two.books.url, priority: priorities[2] as number, pool: { max: 1 } }),
    })
  const orderOf = async (priorities: number[]) => {
    const engines = ranked(priorities)
    const { told, stop } = listen('commit')
    // What was notified cannot be prepared, so they are committed one after the other, and the order shows.
    await engines.run(async db => {
      for (const name of ['three', 'two', 'one'] as const) await db[name].query('notify x')
    })
    stop()
    await engines.close()
    return told().flatMap(line => /^step commit (\w+)$/.exec(line)?.[1] ?? [])
  }
  expect(await orderOf([0, 0, 0])).toEqual(['one', 'two', 'three'])
  expect(await orderOf([3, 2, 1])).toEqual(['three', 'two', 'one'])
  expect(await orderOf([1, 0, 1])).toEqual(['two', 'one', 'three'])
  expect(await orderOf([0.5, -1, 0])).toEqual(['two', 'three', 'one'])
})

test('B9 empty transaction commits: with no engine, with one that did nothing, and twice', async () => {
  await using db = two.engines.open()
  expect(await db.commit()).toMatchObject({ mode: 'nothing', engines: {} })
  void db.writer
  expect(await db.commit()).toMatchObject({ mode: 'nothing', engines: { writer: 'untouched' } })
  await db.writer.query('select 1')
  expect(await db.commit()).toMatchObject({ mode: 'one-phase' })
  expect(await db.commit()).toMatchObject({ mode: 'nothing' })
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('B10 resources are released afterwards: the connections, and whatever the hooks held', async () => {
  await using db = two.engines.open()
  const commit = async () => {
    const large = { name: 'large' }
    db.beforeCommit(() => void large)
    db.afterCommit(() => void large)
    db.afterRollback(() => void large)
    await db.writer('t').insert({ name: 'a' })
    await db.ledger('t').insert({ name: 'b' })
    await db.commit()
    return new WeakRef(large)
  }
  const held = await commit()
  expect([db.writer.identity, db.ledger.identity]).toEqual([undefined, undefined])
  await expect
    .poll(() => {
      collectGarbage()
      return held.deref() === undefined
    })
    .toBe(true)
})

test('B11 unchanged resource: it takes no part in the protocol, is ended after it, and its connection is freed', async () => {
  await using db = two.engines.open()
  await db.reader('t').select()
  await db.stock('t').select()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'b' })
  const participants: CommitParticipant[] = []
  const stop = observe(
    'enginelight:commit',
    message => void (message.phase === 'start' && participants.push(...message.participants)),
  )
  // Ours sends COMMIT all the same, never a silent ROLLBACK: what a NOTIFY or a function did shows no mark.
  expect(await db.commit()).toMatchObject({
    mode: 'two-phase',
    engines: { reader: 'ended', stock: 'committed', writer: 'committed', ledger: 'committed' },
  })
  stop()
  expect(Object.fromEntries(participants.map(({ engine, role }) => [engine, role]))).toEqual({
    reader: 'reads',
    stock: 'commits',
    writer: 'prepares',
    ledger: 'decides',
  })
  expect([db.reader.identity, db.stock.identity]).toEqual([undefined, undefined])
})

test.each([
  ['INSERT', "insert into t (name) values ('x')"],
  ['UPDATE', 'update counter set n = 2 where id = 1'],
  ['DELETE', 'delete from counter where id = 1'],
  ['a CTE', "with w as (insert into t (name) values ('x') returning 1) select * from w"],
  ['a function call', "select write_by_function('x')"],
  ['DDL', 'create table made (id int); drop table made'],
  since(
    15,
    [
      'MERGE',
      'merge into counter c using (values (1)) v (id) on c.id = v.id when matched then update set n = 3',
    ],
    [
      'INSERT … ON CONFLICT',
      'insert into counter values (1, 3) on conflict (id) do update set n = excluded.n',
    ],
  ),
])('B12 changed by %s: it takes part in the protocol', async (_what, text) => {
  await two.shop.admin('insert into counter values (1, 1)')
  await using db = two.engines.open()
  await db.ledger('t').insert({ name: 'b' })
  await db.writer.query(text)
  expect(await db.commit()).toMatchObject({ mode: 'two-phase', engines: { writer: 'committed' } })
})

test('B12 changed by explicit markChanged: what shows no mark takes part all the same', async () => {
  await using db = two.engines.open()
  await db.ledger('t').insert({ name: 'b' })
  await db.writer.query('select 1')
  db.markChanged('writer')
  expect(await db.commit()).toMatchObject({ mode: 'two-phase' })
})

test('B13 readonly + markChanged is an error, and so is a write, by the server', async () => {
  await using db = two.engines.open()
  expect(() => db.markChanged('reader')).toThrow(/access 'read'/)
  await expect(db.reader.query("insert into t (name) values ('x')")).rejects.toMatchObject({ code: '25006' })
  await db.rollback()
})

test('B14 a transactional engine is committed by its container alone, and has savepoints all the same', async () => {
  const engines = two.open({ transactional: true })
  try {
    const db = engines.open()
    await db.writer('t').insert({ name: 'a' })
    await expect((async () => db.writer.commit())()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
    await db.writer.savepoint(() => db.writer('t').insert({ name: 'b' }))
    await db.commit()
    await db.end()
  } finally {
    await engines.close({ graceMs: 1_000 })
  }
  expect(await two.names()).toEqual([['a', 'b'], []])
})

test('B15 the session is kept: after a commit it is the same, and its next statement begins anew', async () => {
  await using db = two.engines.open()
  const session = db.writer
  for (const name of ['a', 'b']) {
    await session('t').insert({ name })
    await db.commit()
    expect([session.state, db.writer]).toEqual(['idle', session])
  }
  await session('t').insert({ name: 'c' })
  await db.rollback()
  expect(await two.names()).toEqual([['a', 'b'], []])
})
