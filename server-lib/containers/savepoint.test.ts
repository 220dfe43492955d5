import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { listen } from '../testing/story.ts'
import { twoDatabases } from '../testing/two-databases.ts'

const two = twoDatabases()

test('undone on every engine, kept on every engine', async () => {
  await using db = two.engines.open()
  const insert = async (name: string) => {
    await db.writer('t').insert({ name })
    await db.ledger('t').insert({ name })
  }
  await insert('before')
  const undone = db.savepoint(async () => {
    await insert('undone')
    throw new Error('no')
  })
  await expect(undone).rejects.toThrow('no')
  expect(await db.savepoint(() => insert('kept').then(() => 5))).toBe(5)
  await db.commit()
  expect(await two.names()).toEqual([
    ['before', 'kept'],
    ['before', 'kept'],
  ])
})

test('nested ones nest, in each other and in those of a session; parallel ones take turns', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'a' })
  const order: string[] = []
  const step = (name: string, fails = false) =>
    db.savepoint(async () => {
      order.push(`${name} begins`)
      await db.writer('t').insert({ name })
      await sleep(5)
      await db.ledger('t').insert({ name })
      order.push(`${name} ends`)
      if (fails) throw new Error(name)
    })
  await Promise.allSettled([step('b'), step('c', true), step('d')])
  expect(order).toEqual(['b begins', 'b ends', 'c begins', 'c ends', 'd begins', 'd ends'])
  await db.savepoint(async () => {
    await step('e')
    await db.ledger.savepoint(() => step('f', true)).catch(() => {})
    await db.writer.savepoint(() => step('g'))
  })
  await db.commit()
  const kept = ['a', 'b', 'd', 'e', 'g']
  expect(await two.names()).toEqual([kept, kept])
})

test('an error that was swallowed on one engine undoes it on all', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'a' })
  const swallowing = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'b' })
    await db.ledger.query('select 1/0').catch(() => {})
  })
  await expect(swallowing).rejects.toMatchObject({ code: 'EL_TRANSACTION_FAILED', engine: 'ledger' })
  await db.commit()
  expect(await two.names()).toEqual([['a'], ['a']])
})

test('an engine in which no savepoint can be set refuses the statement, and the others are undone', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger.query('select 1/0').catch(() => {})
  const { told, stop } = listen('transaction')
  const failing = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'b' })
    await db.ledger('t').insert({ name: 'b' })
  })
  await expect(failing).rejects.toMatchObject({ code: 'EL_TRANSACTION_FAILED', engine: 'ledger' })
  stop()
  expect(told().filter(line => line.includes('savepoint'))).toEqual([
    'transaction savepoint set',
    'transaction savepoint rolled back',
  ])
  expect(db.writer.state).toBe('active')
  // A savepoint ignores engines that it does not touch.
  expect(
    await db.savepoint(() =>
      db
        .writer('t')
        .insert({ name: 'c' })
        .then(() => 'kept'),
    ),
  ).toBe('kept')
})

test('what a function did not wait for is part of it', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  const savepoint = db.savepoint(() => {
    void db.writer.query("insert into t (name) values ('b')")
    void db.ledger.query("insert into t (name) values ('b')")
    throw new Error('no')
  })
  await expect(savepoint).rejects.toThrow('no')
  await db.commit()
  expect(await two.names()).toEqual([['a'], []])
})

test('a connection that is lost inside undoes it on the others, and nothing can be committed', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'a' })
  const savepoint = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'b' })
    await db.ledger('t').insert({ name: 'b' })
    await two.books.admin(`select pg_terminate_backend(${db.ledger.identity?.backendPid})`)
    await expect.poll(() => db.ledger.state).toBe('lost')
  })
  await expect(savepoint).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
  expect(await two.names()).toEqual([[], []])
})

test('commit() is refused while one is open, wherever it is called', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  const open = db.savepoint(async () => {
    await expect(db.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', move: 'commit()' })
    await sleep(20)
  })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await open
  expect(await db.commit()).toMatchObject({ mode: 'one-phase' })
  expect(await two.names()).toEqual([['a'], []])
})

test('one whose transaction was ended inside says so', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'a' })
  const rolledBack = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'b' })
    await db.rollback()
    await expect(db.writer('t').insert({ name: 'c' })).rejects.toMatchObject({ code: 'EL_ENDED' })
  })
  await expect(rolledBack).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', move: 'db.savepoint()' })
  expect(await two.names()).toEqual([[], []])
  expect([db.writer.state, db.ledger.state]).toEqual(['idle', 'idle'])
})

test('with no transaction open there is nothing to set; what begins inside is ended when it fails', async () => {
  await using db = two.engines.open()
  await db.savepoint(() => db.writer('t').insert({ name: 'kept' }))
  expect(db.writer.state).toBe('active')
  const failing = db.savepoint(async () => {
    await db.ledger('t').insert({ name: 'undone' })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect([db.writer.state, db.ledger.state]).toEqual(['active', 'idle'])
  await db.ledger('t').insert({ name: 'again' })
  await db.commit()
  expect(await two.names()).toEqual([['kept'], ['again']])
})

test('an independent engine takes no part in it', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  const failing = db.savepoint(async () => {
    await db.logger('t').insert({ name: 'log' })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await two.names()).toEqual([[], ['log']])
})

test('a hook that begins one and does not wait for it turns the commit into a rollback', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'a' })
  let open: Promise<unknown> | undefined
  db.beforeCommit(() => {
    open = db.savepoint(() => sleep(30))
  })
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', state: 'in a savepoint' })
  await expect(open).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await db.rollback()
  expect(await two.names()).toEqual([[], []])
})
