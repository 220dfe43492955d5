import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sessions } from '../adapters/express.ts'
import { sessions as nodeSessions } from '../adapters/node.ts'
import { latch } from '../testing/latch.ts'
import { twoDatabases } from '../testing/two-databases.ts'

const two = twoDatabases()

const never = () => new Promise<never>(() => {})

/** Engines whose hooks have 150 ms. */
function hurried(options: { transactional?: boolean } = {}) {
  const engines = two.open({ commitTimeoutMs: 150, ...options })
  onTestFinished(async () => void (await engines.close()))
  return engines
}

/** A hook that hangs until released, and then uses its container. */
function lateHook(use: () => Promise<unknown>) {
  const waiting = latch()
  const used = latch<unknown>()
  const hook = () => waiting.opened.then(use).then(() => used.open('was done'), used.open)
  return { hook, goOn: waiting.open, used: used.opened }
}

function warningsOf(): string[] {
  const seen: string[] = []
  const onWarning = (warning: Error & { code?: string }) => {
    if (warning.name === 'EnginelightWarning') seen.push(`${warning.code}: ${warning.message}`)
  }
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  return seen
}

test('a hook of beforeCommit that is too late turns the commit into a rollback, and nothing is held', async () => {
  await using db = hurried().open()
  const told: unknown[] = []
  const late = lateHook(() => db.writer('t').insert({ name: 'late' }))
  db.beforeCommit(late.hook)
  db.beforeCommit(() => told.push('the next one'))
  db.afterCommit(() => told.push('committed'))
  db.afterRollback((_report, error) => told.push(error))
  await db.writer('t').insert({ name: 'a' })
  await db.ledger('t').insert({ name: 'b' })
  const error = await db.commit().catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code: 'EL_HOOK_TIMEOUT', timeoutMs: 150 })
  expect(told).toEqual([error])
  expect([db.writer.identity, db.ledger.identity]).toEqual([undefined, undefined])

  // Its later statements must not join the next transaction.
  await db.rollback()
  await db.writer('t').insert({ name: 'next' })
  late.goOn()
  expect(await late.used).toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await db.commit()
  expect(await two.names()).toEqual([['next'], []])
  expect(told).toEqual([error])
})

test('a statement that a late hook of beforeCommit waits for is cancelled, and the container ended', async () => {
  const db = hurried().open()
  await db.writer('t').insert({ name: 'a' })
  db.beforeCommit(() => db.writer.query('select pg_sleep(20)'))
  const startedAt = performance.now()
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_HOOK_TIMEOUT' })
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  await expect(db.rollback()).rejects.toMatchObject({ code: 'EL_ENDED' })
  expect(await two.names()).toEqual([[], []])
})

test('hooks of afterCommit that are too late change nothing: all are called, and none is part of what comes next', async () => {
  const warnings = warningsOf()
  await using db = hurried().open()
  const called: string[] = []
  const late = [
    lateHook(() => db.writer('t').insert({ name: 'late' })),
    lateHook(async () => db.doom()),
    lateHook(() => db.commit()),
    lateHook(() => db.writer.savepoint(() => {})),
    lateHook(async () => db.writer.stream('select 1').resume()),
  ]
  for (const { hook } of late) db.afterCommit(hook)
  db.afterCommit(() => called.push('last'))
  await db.writer('t').insert({ name: 'a' })
  expect(await db.commit()).toMatchObject({ mode: 'one-phase', engines: { writer: 'committed' } })
  expect(called).toEqual(['last'])
  await vi.waitFor(() => expect(warnings).toEqual([expect.stringMatching(/^EL_HOOK_FAILED: .* 150 ms/)]))

  await db.writer('t').insert({ name: 'undone' })
  for (const { goOn } of late) goOn()
  for (const { used } of late.slice(0, 4)) expect(await used).toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  expect(db.isDoomed).toBe(false)
  await db.rollback()
  expect(await two.names()).toEqual([['a'], []])
})

test.each(['rollback', 'end'] as const)('a hook of afterRollback that never ends: %s() does', async how => {
  const warnings = warningsOf()
  const db = hurried().open()
  db.afterRollback(never)
  await db.writer('t').insert({ name: 'a' })
  await db[how]()
  const forgotten = how === 'end' ? [expect.stringMatching(/^EL_NOT_COMMITTED/)] : []
  await vi.waitFor(() => expect(warnings).toEqual([...forgotten, expect.stringMatching(/^EL_HOOK_FAILED/)]))
  await db.end()
})

test.each([
  ['its time', { timeoutMs: 150 }],
  ['its signal', { signal: AbortSignal.timeout(150) }],
])('a run whose hook of beforeCommit outlasts %s is aborted', async (_what, options) => {
  const { engines } = two
  const run = engines.run(async db => {
    db.beforeCommit(never)
    await db.writer('t').insert({ name: 'a' })
  }, options)
  await expect(run).rejects.toMatchObject({ code: 'EL_RUN_ABORTED' })
  expect(await two.names()).toEqual([[], []])
})

test('a run whose hook of afterCommit outlasts its time is committed, and says so', async () => {
  const warnings = warningsOf()
  const run = two.engines.run(
    async db => {
      db.afterCommit(never)
      await db.writer('t').insert({ name: 'a' })
      return 'done'
    },
    { timeoutMs: 300 },
  )
  expect(await run).toBe('done')
  expect(await two.names()).toEqual([['a'], []])
  await vi.waitFor(() =>
    expect(warnings).toEqual([expect.stringMatching(/^EL_HOOK_FAILED: .* the time that their run has/)]),
  )
})

test('a run rejects in time whatever its hooks of afterRollback wait for', async () => {
  const { engines } = two
  const options = { timeoutMs: 150 }
  const failing = engines.run(db => {
    db.afterRollback(never)
    throw new Error('no')
  }, options)
  const late = engines.run(async db => {
    db.afterRollback(never)
    await never()
  }, options)
  const joined = engines.scope(async db => {
    db.afterRollback(never)
    await engines.run(never, options)
  })
  expect(await Promise.allSettled([failing, late, joined])).toMatchObject([
    { reason: { message: 'no' } },
    { reason: { code: 'EL_RUN_ABORTED' } },
    { reason: { code: 'EL_RUN_ABORTED' } },
  ])
})

test.each(['Express', 'node:http'])(
  '%s: the response of a request with a hook that never ends comes',
  async kind => {
    const engines = hurried({ transactional: true })
    type Db = ReturnType<typeof engines.open>
    const work = async (db: Db, url: string) => {
      db[url.slice(1) as 'beforeCommit' | 'afterCommit'](never)
      await db.writer('t').insert({ name: url })
    }
    let listener: RequestListener = nodeSessions(
      engines,
      async (request, response) => {
        await work(request.db as Db, request.url ?? '')
        response.end('ok')
      },
      { onError: () => {} },
    )
    if (kind === 'Express') {
      const app = express().use(sessions(engines))
      app.get('/:when', async (request, response) => {
        await work((request as unknown as { db: Db }).db, request.url)
        response.send('ok')
      })
      app.use(
        ((_error, _request, response, _next) =>
          void response.status(500).end()) as express.ErrorRequestHandler,
      )
      listener = app
    }
    const server = createServer(listener).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const ask = async (path: string) =>
      (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`)).status
    expect([await ask('beforeCommit'), await ask('afterCommit')]).toEqual([500, 200])
    expect(await two.names()).toEqual([['/afterCommit'], []])
  },
)

test('what a hook doomed its container for stays the reason, whatever the hook throws then', async () => {
  await using db = hurried().open()
  const reason = new Error('the quota is used up')
  db.beforeCommit(() => {
    db.doom(reason)
    throw new Error('and so it throws')
  })
  await db.writer('t').insert({ name: 'a' })
  await expect(db.commit()).rejects.toThrow('and so it throws')
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_DOOMED', cause: reason })
})
