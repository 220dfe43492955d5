import { expect, test } from 'vitest'
import { listen } from '../../testing/story.ts'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()

test('B48 explicit: outside there is no transaction to take part in, and inside none may be begun beside it', async () => {
  const { engines } = two
  expect(() => engines.current).toThrow(expect.objectContaining({ code: 'EL_NO_SCOPE' }))
  await expect(engines.run(() => {}, { propagation: 'mandatory' })).rejects.toMatchObject({
    code: 'EL_ILLEGAL_MOVE',
    state: 'outside of any container',
  })
  await engines.run(async () => {
    await expect(engines.run(() => {}, { propagation: 'never' })).rejects.toMatchObject({
      code: 'EL_ILLEGAL_MOVE',
      state: 'inside of a container',
    })
  })
})

test('B49 to begin another unit of work inside of one aborts nothing: ours keeps the first, and both have an end of their own', async () => {
  const { engines } = two
  await engines.run(async db => {
    await db.writer('t').insert({ name: 'first' })
    await engines.run(inner => inner.writer('t').insert({ name: 'second' }), { propagation: 'new' })
    // Neither does a BEGIN sent as text: PostgreSQL warns and goes on.
    await db.writer.query('begin')
    expect(await db.writer('t').pluck('name').orderBy('name')).toEqual(['first', 'second'])
  })
  expect((await two.names())[0]?.sort()).toEqual(['first', 'second'])
})

test('B50 context isolation: concurrent units of work have containers of their own, whatever they await', async () => {
  const engines = two.engines
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      engines
        .run(async db => {
          await new Promise(resolve => setTimeout(resolve, Math.random() * 10))
          expect(engines.current).toBe(db)
          await db.writer('t').insert({ name: `n${index}` })
          await Promise.all([1, 2].map(async () => expect(engines.current).toBe(db)))
          if (index % 2 === 1) throw new Error('odd')
        })
        .catch(() => {}),
    ),
  )
  expect((await two.names())[0]?.sort()).toEqual(['n0', 'n2', 'n4', 'n6'])
})

test('B51 scope helper: run commits and rolls back; scope rolls back what nobody committed', async () => {
  const { engines } = two
  await engines.run(db => db.writer('t').insert({ name: 'run' }))
  await engines.scope(async db => {
    await db.writer('t').insert({ name: 'committed' })
    await db.commit()
    await db.writer('t').insert({ name: 'not committed' })
  })
  await expect(
    engines.run(async db => {
      await db.writer('t').insert({ name: 'thrown' })
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await two.names()).toEqual([['run', 'committed'], []])
})

const failing = (times: number, code: string) => {
  let calls = 0
  return {
    calls: () => calls,
    run: (retry: number) =>
      two.engines.run(
        async db => {
          await db.writer('t').insert({ name: `try ${++calls}` })
          if (calls <= times) {
            await db.writer.query(`do $$ begin raise exception 'x' using errcode = '${code}'; end $$`)
          }
          return calls
        },
        { retry: { times: retry, backoffMs: 0 } },
      ),
  }
}

test('B52 attempts: success stops, and what can be retried is', async () => {
  const at = failing(2, '40001')
  expect(await at.run(5)).toBe(3)
  expect(await two.names()).toEqual([['try 3'], []])
})

test('B52 attempts: what cannot be retried is not, and the last error surfaces', async () => {
  const never = failing(9, '23514')
  await expect(never.run(5)).rejects.toMatchObject({ code: '23514', attempts: 1 })
  const always = failing(9, '40P01')
  await expect(always.run(3)).rejects.toMatchObject({ code: '40P01', attempts: 3 })
  expect([never.calls(), always.calls()]).toEqual([1, 3])
  expect(await two.names()).toEqual([[], []])
})

test.each([0, -1])('B52 attempts: %d is an error, and the function is not called', async times => {
  const none = failing(0, '40001')
  await expect(none.run(times)).rejects.toMatchObject({ code: 'EL_CONFIG', option: 'retry.times' })
  expect(none.calls()).toBe(0)
})

test('B52 attempts: whether to retry is decided before the rollback', async () => {
  const { told, stop } = listen('statement')
  const order: string[] = []
  const running = two.engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      throw new Error('no')
    },
    {
      retry: {
        times: 2,
        backoffMs: 0,
        on: () => {
          order.push(told().includes('statement ROLLBACK') ? 'after' : 'before')
          return false
        },
      },
    },
  )
  await expect(running).rejects.toThrow('no')
  stop()
  expect(order).toEqual(['before'])
  expect(told()).toContain('statement ROLLBACK')
})

test('B53 a function that commits by itself keeps what it committed; the rest is the run’s, and nothing is repeated', async () => {
  let calls = 0
  const running = two.engines.run(
    async db => {
      calls++
      await db.writer('t').insert({ name: 'by itself' })
      await db.commit()
      await db.ledger('t').insert({ name: 'rest' })
      await db.ledger.query(`do $$ begin raise exception 'x' using errcode = '40001'; end $$`)
    },
    { retry: 5 },
  )
  await expect(running).rejects.toMatchObject({ code: '40001' })
  expect(calls).toBe(1)
  await two.engines.run(async db => {
    await db.writer('t').insert({ name: 'also' })
    await db.writer.commit()
    await db.ledger('t').insert({ name: 'the end' })
  })
  expect(await two.names()).toEqual([['by itself', 'also'], ['the end']])
})
