import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { observe } from '../channels/channels.ts'
import { createEngines, engine, EnginelightError } from '../index.ts'
import { listen } from '../testing/story.ts'
import { latch } from '../testing/latch.ts'
import { twoDatabases } from '../testing/two-databases.ts'
import { untilRuns } from '../testing/ground-truth.ts'

const two = twoDatabases()

test('what the function wrote on several engines is committed, and it is given back what it returned', async () => {
  const { engines } = two
  const value = await engines.run(async db => {
    expect(engines.current).toBe(db)
    await db.writer('t').insert({ name: 'a' })
    await db.ledger('t').insert({ name: 'b' })
    return 42
  })
  expect(value).toBe(42)
  expect(await two.names()).toEqual([['a'], ['b']])
})

test('a builder that is returned without await is run inside, and its rows are the value', async () => {
  const rows = await two.engines.run(db => db.writer('t').insert({ name: 'a' }).returning('name'))
  expect(rows).toEqual([{ name: 'a' }])
  expect(await two.names()).toEqual([['a'], []])
})

test.each([[new Error('no')], ['a text'], [undefined], [Object.freeze(new Error('frozen'))]])(
  'what is thrown (%s) comes out as it is, and everything is rolled back',
  async thrown => {
    const outcome = await two.engines
      .run(
        async db => {
          await db.writer('t').insert({ name: 'a' })
          await db.ledger('t').insert({ name: 'b' })
          throw thrown
        },
        { retry: 3 },
      )
      .then(
        () => 'resolved',
        (error: unknown) => ({ error }),
      )
    expect(outcome).toEqual({ error: thrown })
    expect(await two.names()).toEqual([[], []])
  },
)

test('a function that uses no engine costs no statement', async () => {
  const { told, stop } = listen('statement', 'checkout')
  expect(await two.engines.run(() => 'nothing')).toBe('nothing')
  stop()
  expect(told()).toEqual([])
})

test('isolation and readOnly reach BEGIN of every engine that takes part, and of no other', async () => {
  const { told, stop } = listen('statement')
  const writing = two.engines.run(
    async db => {
      await db.writer.query('select 1')
      await db.reader.query('select 1')
      await db.logger.query("insert into t (name) values ('log')")
      await db.writer('t').insert({ name: 'a' })
    },
    { isolation: 'serializable', readOnly: true },
  )
  await expect(writing).rejects.toMatchObject({ code: '25006' })
  stop()
  expect(told().filter(line => line.startsWith('statement BEGIN'))).toEqual([
    'statement BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY',
    'statement BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY',
  ])
  expect(await two.names()).toEqual([[], ['log']])
})

test('nor of an independent engine that has transactions of its own', async () => {
  await using engines = createEngines({
    main: engine()({ connection: two.shop.url }),
    journal: engine()({ connection: two.books.url, enlist: 'independent' }),
  })
  await engines.run(
    async db => {
      await db.main.query('select 1')
      await db.journal('t').insert({ name: 'noted' })
      await db.journal.commit()
    },
    { readOnly: true },
  )
  await engines.close()
  expect(await two.names()).toEqual([[], ['noted']])
})

test('a swallowed error is no success', async () => {
  const running = two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    await db.ledger.query('select 1/0').catch(() => {})
  })
  await expect(running).rejects.toMatchObject({ code: 'EL_COMMIT_ROLLED_BACK' })
  expect(await two.names()).toEqual([[], []])
})

test.each([
  [{ isolation: 'snapshot' }, 'isolation'],
  [{ readOnly: 'yes' }, 'readOnly'],
  [{ propagation: 'supports' }, 'propagation'],
  [{ timeoutMs: 0 }, 'timeoutMs'],
  [{ timeoutMs: '5' }, 'timeoutMs'],
  [{ signal: {} }, 'signal'],
  [{ label: '' }, 'label'],
  [{ retries: 3 }, 'retries'],
  [{ retry: 0 }, 'retry.times'],
  [{ retry: -1 }, 'retry.times'],
  [{ retry: 1.5 }, 'retry.times'],
  [{ retry: '3' }, 'retry'],
  [{ retry: { times: 2, on: '40001' } }, 'retry.on'],
  [{ retry: { times: 2, backoff: 1 } }, 'retry.backoff'],
  [{ retry: { times: 2, backoffMs: -1 } }, 'retry.backoffMs'],
  [{ retry: { times: 2, backoffMs: 50, maxBackoffMs: 10 } }, 'retry.maxBackoffMs'],
  [null, 'options'],
])('options %j are refused before anything runs', async (options, option) => {
  let ran = false
  const running = two.engines.run(() => void (ran = true), options as object)
  await expect(running).rejects.toMatchObject({ code: 'EL_CONFIG', option })
  expect(ran).toBe(false)
})

test('no function is refused', async () => {
  await expect(two.engines.run(5 as never)).rejects.toMatchObject({ code: 'EL_CONFIG', option: 'fn' })
})

test('timeoutMs cancels what runs, rolls back, and says so', async () => {
  const startedAt = performance.now()
  let inner: unknown
  const running = two.engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      await db.ledger.query('select pg_sleep(30)').catch((error: unknown) => {
        inner = error
        throw error
      })
    },
    { timeoutMs: 150 },
  )
  await expect(running).rejects.toMatchObject({ code: 'EL_RUN_ABORTED', timeoutMs: 150 })
  expect(performance.now() - startedAt).toBeLessThan(1_500)
  expect(inner).toMatchObject({ code: 'EL_ENDED' })
  expect(await two.names()).toEqual([[], []])
})

test('a function that never ends does not keep its run, and what it does later is refused', async () => {
  const later = latch<unknown>()
  const running = two.engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      await sleep(400)
      await db
        .writer('t')
        .insert({ name: 'later' })
        .then(() => later.open('inserted'), later.open)
    },
    { timeoutMs: 100 },
  )
  await expect(running).rejects.toMatchObject({ code: 'EL_RUN_ABORTED' })
  expect(await later.opened).toMatchObject({ code: 'EL_ENDED' })
  expect(await two.names()).toEqual([[], []])
})

test('a signal aborts at once, with its reason as the cause, and does not run what it aborts before', async () => {
  const controller = new AbortController()
  const reason = new Error('shut down')
  const running = two.engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      controller.abort(reason)
      await db.writer.query('select pg_sleep(30)')
    },
    { signal: controller.signal, retry: { times: 3, on: () => true } },
  )
  await expect(running).rejects.toMatchObject({ code: 'EL_RUN_ABORTED', cause: reason, attempts: 1 })
  let ran = false
  const late = two.engines.run(() => void (ran = true), { signal: controller.signal })
  await expect(late).rejects.toMatchObject({ code: 'EL_RUN_ABORTED', cause: reason })
  expect(ran).toBe(false)
  expect(await two.names()).toEqual([[], []])
})

test('one signal may end any number of runs', async () => {
  const { signal } = new AbortController()
  const warnings: unknown[] = []
  const onWarning = (warning: unknown) => void warnings.push(warning)
  process.on('warning', onWarning)
  await Promise.all(Array.from({ length: 20 }, () => two.engines.run(() => sleep(5), { signal })))
  await sleep(5)
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

test('a commit that has begun is finished, whatever the time', async () => {
  await using gate = two.engines.open()
  await gate.stock.query('select pg_advisory_xact_lock(7)')
  const running = two.engines.run(
    async db => {
      await db.writer('t').insert({ name: 'a' })
      await db.writer('gate').insert({ id: 1 })
      return 'done'
    },
    { timeoutMs: 200 },
  )
  await sleep(400)
  await gate.rollback()
  expect(await running).toBe('done')
  expect(await two.names()).toEqual([['a'], []])
})

test('a container that the function ended commits nothing, and says so', async () => {
  const running = two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    await db.end()
  })
  await expect(running).rejects.toMatchObject({ code: 'EL_ENDED' })
  expect(await two.names()).toEqual([[], []])
})

test('engines that are closed end a run, which says so and does not begin another attempt', async () => {
  const engines = two.open()
  let attempts = 0
  const running = engines.run(
    async db => {
      attempts++
      await db.writer('t').insert({ name: 'a' })
      await db.writer.query('select pg_sleep(30)')
    },
    { retry: 3 },
  )
  const failed = expect(running).rejects.toMatchObject({ code: 'EL_ENDED' })
  await expect.poll(() => attempts).toBe(1)
  await untilRuns(two.shop, 'pg_sleep(30)')
  await engines.close({ graceMs: 300 })
  await failed
  await expect(engines.run(db => db.writer.query('select 1'))).rejects.toMatchObject({
    code: 'EL_ENGINE_CLOSED',
  })
  expect(attempts).toBe(1)
  expect(await two.names()).toEqual([[], []])
})

test('the attempt is in info, and in the label that observers see', async () => {
  const { told, stop } = listen('request')
  const attempts: unknown[] = []
  await two.engines.run(
    db => {
      attempts.push(db.info.attempt, db.info.request)
      if (attempts.length < 4) throw Object.assign(new Error('again'), { code: 'X' })
    },
    { label: 'transfer', request: 'job 7', retry: { times: 2, on: ['X'], backoffMs: 0 } },
  )
  stop()
  expect(attempts).toEqual([1, 'job 7', 2, 'job 7'])
  expect(told()).toEqual([
    'request transfer',
    'request failed',
    'request transfer, attempt 2',
    'request finished',
  ])
})

test('observers hear why each transaction of a run that failed is ended', async () => {
  const why: string[] = []
  const stop = observe(
    'enginelight:session',
    message => void (message.phase === 'ending' && why.push(`${message.engine} ${message.why}`)),
  )
  const failing = two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  stop()
  expect(why).toEqual(['writer handler failed'])
})

test('errors of ours can be told by their class', async () => {
  const running = two.engines.run(db => db.writer.query('select pg_sleep(5)'), { timeoutMs: 50 })
  await expect(running).rejects.toBeInstanceOf(EnginelightError)
})
