import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { EnginelightError } from '../index.ts'
import { latch } from '../testing/latch.ts'
import { twoDatabases } from '../testing/two-databases.ts'
import { backoffMs, isWorthRetrying } from './retry.ts'

const two = twoDatabases()
const AT_ONCE = { backoffMs: 0, maxBackoffMs: 0 }

test('two that increment one number in serializable transactions: each is counted, by repeating', async () => {
  const { engines, shop } = two
  await shop.admin('insert into counter values (1, 0)')
  const both = latch()
  let reads = 0
  const increment = () =>
    engines.run(
      async db => {
        const [row] = await db.writer('counter').where({ id: 1 })
        if (++reads === 2) both.open()
        await both.opened
        await db
          .writer('counter')
          .where({ id: 1 })
          .update({ n: row.n + 1 })
      },
      { isolation: 'serializable', retry: { times: 5, ...AT_ONCE } },
    )
  await Promise.all([increment(), increment()])
  expect(await shop.admin('select n from counter')).toEqual([{ n: 2 }])
  expect(reads).toBe(3)
})

test('a deadlock across two rows is repeated by its victim', async () => {
  const { engines, shop } = two
  await shop.admin('insert into counter values (1, 0), (2, 0)')
  const both = latch()
  let first = 0
  const swap = (one: number, other: number) =>
    engines.run(
      async db => {
        await db.writer('counter').where({ id: one }).increment('n', 1)
        if (++first === 2) both.open()
        await both.opened
        await db.writer('counter').where({ id: other }).increment('n', 1)
      },
      { retry: { times: 5, ...AT_ONCE } },
    )
  await Promise.all([swap(1, 2), swap(2, 1)])
  expect(await shop.admin('select n from counter order by id')).toEqual([{ n: 2 }, { n: 2 }])
  expect(first).toBe(3)
})

test('a connection that is killed before COMMIT is worth another attempt, on all engines', async () => {
  const { engines, books } = two
  let attempts = 0
  await engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      await db.ledger('t').insert({ name: 'b' })
      if (++attempts === 1) {
        await books.admin(`select pg_terminate_backend(${db.ledger.identity?.backendPid})`)
        await expect.poll(() => db.ledger.state).toBe('lost')
      }
    },
    { retry: { times: 3, ...AT_ONCE } },
  )
  expect(attempts).toBe(2)
  expect(await two.names()).toEqual([['a'], ['b']])
})

test('a serialization failure that shows at COMMIT is repeated too', async () => {
  const { engines, shop } = two
  await shop.admin('insert into counter values (1, 0), (2, 0)')
  const both = latch()
  let reads = 0
  // Write skew: each reads what the other writes, and neither waits for the other.
  const skew = (read: number, write: number) =>
    engines.run(
      async db => {
        const [row] = await db.writer('counter').where({ id: read })
        if (++reads === 2) both.open()
        await both.opened
        await db
          .writer('counter')
          .where({ id: write })
          .update({ n: row.n + 1 })
      },
      { isolation: 'serializable', retry: { times: 5, ...AT_ONCE } },
    )
  await Promise.all([skew(1, 2), skew(2, 1)])
  const sum = (await shop.admin<{ n: number }>('select n from counter')).map(({ n }) => n).sort()
  expect(sum).toEqual([1, 2])
  expect(reads).toBe(3)
})

test('the last error surfaces, with the number of attempts', async () => {
  let attempts = 0
  const running = two.engines.run(
    () => {
      throw Object.assign(new Error(`failed ${++attempts}`), { code: 'X' })
    },
    { retry: { times: 3, on: ['X'], ...AT_ONCE } },
  )
  await expect(running).rejects.toMatchObject({ message: 'failed 3', attempts: 3 })
})

test('without retry nothing is repeated, and the error is as it was', async () => {
  let attempts = 0
  const error: unknown = await two.engines
    .run(db => {
      attempts++
      return db.writer.raw("do $$ begin raise exception 'x' using errcode = '40001'; end $$")
    })
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: '40001' })
  expect(error).not.toHaveProperty('attempts')
  expect(attempts).toBe(1)
})

test('what cannot be different the next time is not repeated', async () => {
  let attempts = 0
  const running = two.engines.run(
    async db => {
      attempts++
      await db.writer('t').insert({ name: 'a' })
      await db.writer('t').insert({ name: 'a' })
    },
    { retry: 5 },
  )
  await expect(running).rejects.toMatchObject({ code: '23505', attempts: 1 })
  expect(attempts).toBe(1)
})

test('retry.on is asked while everything is still open; its own error surfaces after the rollback', async () => {
  const states: string[] = []
  const failing = (on: (error: unknown) => boolean) =>
    two.engines.run(
      async db => {
        await db.writer('t').insert({ name: 'a' })
        throw new Error('no')
      },
      { retry: { times: 2, on, ...AT_ONCE } },
    )
  const looking = failing(() => {
    states.push(two.engines.get('writer').description.engine)
    return false
  })
  await expect(looking).rejects.toThrow('no')
  expect(states).toEqual(['writer'])
  const throwing = failing(() => {
    throw new Error('of the predicate')
  })
  await expect(throwing).rejects.toThrow('of the predicate')
  // A promise would count as true.
  const async = failing((async () => false) as never)
  await expect(async).rejects.toMatchObject({ code: 'EL_CONFIG' })
  expect(await two.names()).toEqual([[], []])
})

test('a function that has committed something itself is not repeated', async () => {
  let attempts = 0
  const running = two.engines.run(
    async db => {
      attempts++
      await db.writer('t').insert({ name: 'a' })
      await db.commit()
      throw Object.assign(new Error('after'), { code: 'X' })
    },
    { retry: { times: 3, on: ['X'], ...AT_ONCE } },
  )
  await expect(running).rejects.toThrow('after')
  expect(attempts).toBe(1)
  expect(await two.names()).toEqual([['a'], []])
})

test('hooks of an attempt that failed are not those of the next', async () => {
  const called: string[] = []
  let attempt = 0
  await two.engines.run(
    async db => {
      const own = ++attempt
      db.beforeCommit(() => called.push(`before ${own}`))
      db.afterCommit(() => called.push(`after ${own}`))
      db.afterRollback(() => called.push(`undone ${own}`))
      await db.writer('t').insert({ name: `n${own}` })
      if (own === 1) throw Object.assign(new Error('again'), { code: 'X' })
    },
    { retry: { times: 2, on: ['X'], ...AT_ONCE } },
  )
  expect(called).toEqual(['undone 1', 'before 2', 'after 2'])
  expect(await two.names()).toEqual([['n2'], []])
})

test('the time limit is for all attempts and waits together', async () => {
  const startedAt = performance.now()
  let attempts = 0
  const running = two.engines.run(
    () => {
      attempts++
      throw Object.assign(new Error('again'), { code: 'X' })
    },
    { timeoutMs: 200, retry: { times: 1_000, on: ['X'], backoffMs: 10_000, maxBackoffMs: 10_000 } },
  )
  await expect(running).rejects.toMatchObject({ code: 'EL_RUN_ABORTED' })
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  expect(attempts).toBeLessThan(50)
})

const retry = { times: 3, on: undefined, backoffMs: 20, maxBackoffMs: 100 }
const serialization = Object.assign(new Error('x'), { code: '40001', severity: 'ERROR' })
const wrapped = (code: ConstructorParameters<typeof EnginelightError>[0], cause?: unknown) =>
  new EnginelightError(code, 'x', { cause })

test.each([
  ['a serialization failure', serialization, true],
  ['one in the error of an application', new Error('x', { cause: serialization }), true],
  ['one that was swallowed', wrapped('EL_COMMIT_ROLLED_BACK', serialization), true],
  ['one that doomed the container', wrapped('EL_DOOMED', serialization), true],
  ['a lost connection', wrapped('EL_CONNECTION_LOST'), true],
  [
    'a server that is not there',
    wrapped('EL_CHECKOUT_FAILED', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })),
    true,
  ],
  [
    'a server that starts up',
    wrapped('EL_CHECKOUT_FAILED', Object.assign(new Error('x'), { code: '57P03', severity: 'FATAL' })),
    true,
  ],
  [
    'a wrong password',
    wrapped('EL_CHECKOUT_FAILED', Object.assign(new Error('x'), { code: '28P01', severity: 'FATAL' })),
    false,
  ],
  ['a full pool', wrapped('EL_CHECKOUT_TIMEOUT'), false],
  ['a killed backend', Object.assign(new Error('x'), { code: '57P01', severity: 'FATAL' }), true],
  ['an unknown commit', wrapped('EL_COMMIT_UNKNOWN', wrapped('EL_CONNECTION_LOST')), false],
  ['a partial commit', wrapped('EL_PARTIAL_COMMIT', serialization), false],
  [
    'an unknown commit in an error of the application',
    new Error('x', { cause: wrapped('EL_COMMIT_UNKNOWN') }),
    false,
  ],
  ['an error of the application', new Error('x'), false],
  ['one with a code of five letters', Object.assign(new Error('x'), { code: 'EPIPE' }), false],
  ['no error', 'x', false],
  ['nothing', undefined, false],
])('%s: worth another attempt is %s', (_what, error, expected) => {
  expect(isWorthRetrying(error, retry)).toBe(expected)
})

test('a predicate that says yes to all does not repeat a commit that may have been made', () => {
  const always = { ...retry, on: () => true }
  expect(isWorthRetrying(new Error('x'), always)).toBe(true)
  expect(isWorthRetrying(wrapped('EL_COMMIT_UNKNOWN'), always)).toBe(false)
  expect(isWorthRetrying(wrapped('EL_PARTIAL_COMMIT'), always)).toBe(false)
})

test('a ring of causes has an end', () => {
  const one: Error & { cause?: unknown } = new Error('one')
  one.cause = new Error('other', { cause: one })
  expect(isWorthRetrying(one, retry)).toBe(false)
})

test('waits are drawn up to a bound that doubles and has an end', () => {
  const most = (attempt: number) =>
    Math.max(...Array.from({ length: 2_000 }, () => backoffMs(attempt, retry)))
  expect([1, 2, 3, 4, 5].map(attempt => Math.ceil(most(attempt) / 10) * 10)).toEqual([20, 40, 80, 100, 100])
  expect(Math.min(...Array.from({ length: 2_000 }, () => backoffMs(5, retry)))).toBeLessThan(5)
})
