import { expect, test } from 'vitest'
import { listen } from '../testing/story.ts'
import { twoDatabases } from '../testing/two-databases.ts'

const two = twoDatabases()

test('required: takes part in the container around it, whose transactions it sees, and which commits', async () => {
  const { engines } = two
  await engines.scope(async db => {
    await db.writer('t').insert({ name: 'outer' })
    await engines.run(async inner => {
      expect(inner).toBe(db)
      expect(await inner.writer('t').pluck('name')).toEqual(['outer'])
      await inner.writer('t').insert({ name: 'inner' })
    })
    expect(await two.names()).toEqual([[], []])
    await db.commit()
  })
  expect(await two.names()).toEqual([['outer', 'inner'], []])
})

test('a run in a run commits once, at the end of the outer one', async () => {
  const { engines } = two
  const { told, stop } = listen('commit')
  await engines.run(async db => {
    await engines.run(() => db.writer('t').insert({ name: 'a' }))
    await engines.run(() => db.writer('t').insert({ name: 'b' }), { propagation: 'mandatory' })
  })
  stop()
  expect(told().filter(line => /^commit (?!committed)/.test(line))).toEqual(['commit one-phase'])
  expect(await two.names()).toEqual([['a', 'b'], []])
})

test('one that has joined and fails dooms the whole, also where its error is swallowed', async () => {
  const { engines } = two
  const inner = new Error('inner')
  const running = engines.run(async db => {
    await db.writer('t').insert({ name: 'outer' })
    await engines
      .run(async () => {
        await db.writer('t').insert({ name: 'half' })
        throw inner
      })
      .catch(() => {})
  })
  await expect(running).rejects.toMatchObject({ code: 'EL_DOOMED', cause: inner })
  expect(await two.names()).toEqual([[], []])
})

test('nested: undone by itself, on every engine, and the outer one goes on', async () => {
  const { engines } = two
  await engines.run(async db => {
    await db.writer('t').insert({ name: 'outer' })
    await db.ledger('t').insert({ name: 'outer' })
    const nested = engines.run(
      async () => {
        await db.writer('t').insert({ name: 'inner' })
        await db.ledger('t').insert({ name: 'inner' })
        throw new Error('undone')
      },
      { propagation: 'nested' },
    )
    await expect(nested).rejects.toThrow('undone')
    await engines.run(() => db.ledger('t').insert({ name: 'kept' }), { propagation: 'nested' })
  })
  expect(await two.names()).toEqual([['outer'], ['outer', 'kept']])
})

test('new: commits by itself, whatever becomes of the one around it, and has a connection of its own', async () => {
  const { engines } = two
  const running = engines.run(async db => {
    await db.writer('t').insert({ name: 'outer' })
    await engines.run(
      async inner => {
        expect(inner).not.toBe(db)
        expect(engines.current).toBe(inner)
        await inner.writer('t').insert({ name: 'new' })
        expect(inner.writer.identity?.backendPid).not.toBe(db.writer.identity?.backendPid)
      },
      { propagation: 'new' },
    )
    expect(engines.current).toBe(db)
    expect(await two.names()).toEqual([['new'], []])
    throw new Error('outer')
  })
  await expect(running).rejects.toThrow('outer')
  expect(await two.names()).toEqual([['new'], []])
})

test('outside of any container all but mandatory open one', async () => {
  const { engines } = two
  for (const propagation of ['required', 'nested', 'new', 'never'] as const) {
    await engines.run(db => db.writer('t').insert({ name: propagation }), { propagation })
  }
  expect(await two.names()).toEqual([['required', 'nested', 'new', 'never'], []])
  let ran = false
  const mandatory = engines.run(() => void (ran = true), { propagation: 'mandatory' })
  await expect(mandatory).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', move: 'run()' })
  expect(ran).toBe(false)
})

test('never is refused inside, before the function is called', async () => {
  const { engines } = two
  let ran = false
  await engines.scope(async () => {
    const never = engines.run(() => void (ran = true), { propagation: 'never' })
    await expect(never).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', state: 'inside of a container' })
  })
  expect(ran).toBe(false)
})

test.each([
  [{}, { isolation: 'serializable' as const }, 'refused'],
  [{}, { isolation: 'read committed' as const }, 'joins'],
  [{ isolation: 'repeatable read' as const }, { isolation: 'serializable' as const }, 'refused'],
  [{ isolation: 'serializable' as const }, { isolation: 'repeatable read' as const }, 'joins'],
  [{}, { readOnly: true }, 'refused'],
  [{ readOnly: true }, { readOnly: false }, 'refused'],
  [{ readOnly: true }, {}, 'joins'],
])('inside of %j a run that asks for %j: %s', async (outer, inner, expected) => {
  const { engines } = two
  let ran = false
  const outcome = await engines.run(
    () => engines.run(() => void (ran = true), inner).then(() => 'joins', String),
    outer,
  )
  expect(outcome).toContain(expected === 'joins' ? 'joins' : 'EnginelightError: The run "run" asks for')
  expect(ran).toBe(expected === 'joins')
})

test('one that has joined never repeats; the outer one does, for both', async () => {
  const { engines } = two
  const calls = { outer: 0, inner: 0 }
  await engines.run(
    async db => {
      calls.outer++
      await engines.run(
        async () => {
          await db.writer('t').insert({ name: `a${++calls.inner}` })
          if (calls.inner === 1) throw Object.assign(new Error('x'), { code: 'X' })
        },
        { retry: { times: 5, on: ['X'] } },
      )
    },
    { retry: { times: 2, on: ['X'], backoffMs: 0 } },
  )
  expect(calls).toEqual({ outer: 2, inner: 2 })
  expect(await two.names()).toEqual([['a2'], []])
})

test('one that has joined and takes too long ends the container, whose function could still go on', async () => {
  const { engines } = two
  const running = engines.run(async db => {
    await db.writer('t').insert({ name: 'outer' })
    const slow = engines.run(() => db.ledger.query('select pg_sleep(30)'), { timeoutMs: 100 })
    await expect(slow).rejects.toMatchObject({ code: 'EL_RUN_ABORTED' })
  })
  await expect(running).rejects.toMatchObject({ code: 'EL_ENDED' })
  expect(await two.names()).toEqual([[], []])
})

test('in a container that has ended a run does not begin by itself: the rest of its work is rolled back', async () => {
  const { engines } = two
  let ran = false
  await engines.scope(async db => {
    await db.end()
    await expect(engines.run(() => void (ran = true))).rejects.toMatchObject({ code: 'EL_ENDED' })
    await engines.run(own => own.writer('t').insert({ name: 'a' }), { propagation: 'new' })
  })
  expect(ran).toBe(false)
  expect(await two.names()).toEqual([['a'], []])
})

test('a scope that ends without commit after a run has joined it and written rejects, and a warning tells of it', async () => {
  const { engines } = two
  const warnings: string[] = []
  const onWarning = (warning: Error & { code?: string }) =>
    void warnings.push(`${warning.code}: ${warning.message}`)
  process.on('warning', onWarning)
  const scope = engines.scope(async () => {
    await engines.run(db => db.writer('t').insert({ name: 'a' }), { label: 'transfer' })
  })
  await expect(scope).rejects.toMatchObject({ code: 'EL_NOT_COMMITTED' })
  await engines.scope(async db => {
    await engines.run(() => db.writer('t').insert({ name: 'b' }))
    await db.rollback()
  })
  await engines.scope(() => engines.run(db => db.writer('t').select()))
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([expect.stringMatching(/^EL_NOT_COMMITTED: The run "transfer" .*"writer"/)])
  expect(await two.names()).toEqual([[], []])
})
