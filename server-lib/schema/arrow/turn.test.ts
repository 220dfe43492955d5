import type { RecordBatch } from 'apache-arrow'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { BLACK_HOLE, HEALTHY, startFaultProxy } from '../../testing/fault-proxy.ts'
import { expectQuiet, untilRuns } from '../../testing/ground-truth.ts'
import { arrowBatches, toArrow } from '../index.ts'

let database: TestDatabase
const open = (options: object = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, ...options }) })
beforeAll(async () => {
  database = await createDatabase(
    'create table members (id int primary key); insert into members select generate_series(1, 6)',
  )
})
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const inTime = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work, sleep(4_000, 'waits for ever' as const)])
const numbers = (count: number) => `select generate_series(1, ${count}) as n`
const one = { one: 1 }

async function all(batches: AsyncIterable<RecordBatch>): Promise<RecordBatch[]> {
  const taken: RecordBatch[] = []
  for await (const batch of batches) taken.push(batch)
  return taken
}

describe.each(['transaction', 'autocommit'] as const)('in %s mode', mode => {
  test('statements of the session go one after the other, whichever they are', async () => {
    await using engines = open({ mode })
    const order: string[] = []
    await engines.scope(async db => {
      await Promise.all([
        db.main.query('select pg_sleep(0.02)').then(() => order.push('first')),
        toArrow({ session: db.main, text: numbers(200_000) }).then(() => order.push('table')),
        db.main.query('select 1').then(() => order.push('second')),
        toArrow({ session: db.main, text: numbers(3) }).then(() => order.push('another')),
        all(arrowBatches({ session: db.main, text: numbers(3) })).then(() => order.push('batches')),
      ])
    })
    expect(order).toEqual(['first', 'table', 'second', 'another', 'batches'])
  })

  test('a reader that leaves gives the connection back, and the open portal holds no table', async () => {
    await using engines = open({ mode })
    for (const leave of ['break', 'throw'] as const) {
      await engines.scope(async db => {
        const work = async () => {
          for await (const batch of arrowBatches(
            db.main('members').crossJoin(db.main.raw('generate_series(1, 1000) as g') as never),
            { batchRows: 10 },
          )) {
            expect(batch.numRows).toBe(10)
            if (leave === 'break') break
            throw new Error('of the reader')
          }
        }
        const left = await inTime(work().catch((error: unknown) => error))
        expect(left, leave).toEqual(leave === 'break' ? undefined : new Error('of the reader'))
        expect((await db.main.query('select 1 as one')).rows).toEqual([one])
        // Refused while a portal of this session is open on the table.
        await db.main.query('alter table members add column more int')
        await db.main.query('alter table members drop column more')
        expect(db.main.state).toBe(mode === 'transaction' ? 'active' : 'idle')
      })
    }
  })

  test('batches that nobody asks for send nothing, and those that are left unread keep nobody after the end', async () => {
    await using engines = open({ mode })
    const db = engines.open()
    arrowBatches({ session: db.main, text: 'select nonsense' })
    const unread = arrowBatches({ session: db.main, text: numbers(100_000) }, { batchRows: 10 })
    expect((await unread.next()).done).toBe(false)
    await inTime(db.end())
    await expect(
      unread
        .next()
        .then(() => unread.next())
        .then(() => unread.next()),
    ).rejects.toMatchObject({ code: 'EL_ENDED' })
    await expect(toArrow({ session: db.main, text: 'select 1' })).rejects.toMatchObject({ code: 'EL_ENDED' })
    expect(await engines.scope(async next => (await next.main.query('select 1 as one')).rows)).toEqual([one])
  })

  test.each([
    ['syntax', 'selekt', '42601'],
    ['a parameter', 'select $1::int as n', '22P02'],
    ['its first row', 'select 1 / 0 as n', '22012'],
    ['the middle', 'select 1 / (5000 - g) as n from generate_series(1, 10000) as g', '22012'],
  ])(
    "an error of the server's at %s is told as it is, and the connection goes on",
    async (_where, text, code) => {
      await using engines = open({ mode })
      await engines.scope(async db => {
        const values = text.includes('$1') ? ['no number'] : []
        for (const reading of [
          () => toArrow({ session: db.main, text, values }),
          () => all(arrowBatches({ session: db.main, text, values }, { batchRows: 100 })),
        ]) {
          const reads = reading()
          const behind = mode === 'autocommit' ? db.main.query('select 1 as one') : undefined
          await expect(inTime(reads)).rejects.toMatchObject({ code })
          if (behind) expect((await behind).rows).toEqual([one])
          else await db.main.rollback()
          expect((await db.main.query('select 1 as one')).rows).toEqual([one])
        }
      })
    },
  )

  test('a value that cannot be said ends it in the middle; the transaction is none the worse', async () => {
    await using engines = open({ mode })
    await engines.scope(async db => {
      const text =
        "select case g when 5000 then 'infinity' else '2020-01-01' end::date as d from generate_series(1, 20000) as g"
      for (const reading of [
        () => toArrow({ session: db.main, text }),
        () => all(arrowBatches({ session: db.main, text })),
      ]) {
        await expect(inTime(reading())).rejects.toMatchObject({ code: 'EL_ARROW_VALUE', column: 'd' })
        expect((await db.main.query('select 1 as one')).rows).toEqual([one])
        if (mode === 'transaction') expect(db.main.state).toBe('active')
      }
    })
  })

  test('an abort ends a statement that computes, one that sends and one that waits for its reader or its turn', async () => {
    await using engines = open({ mode })
    for (const [where, text] of [
      ['computing', 'select pg_sleep(30)'],
      ['sending', 'select g from generate_series(1, 50000000) as g'],
    ] as const) {
      const db = engines.open()
      const stop = new AbortController()
      const reason = new Error('of the caller')
      const reading = toArrow({ session: db.main, text }, { signal: stop.signal })
      await untilRuns(database, text)
      stop.abort(reason)
      expect(await inTime(reading.catch((error: unknown) => error)), where).toBe(reason)
      await expect
        .poll(async () => (await database.backends()).filter(({ state }) => state === 'active'))
        .toEqual([])
      await inTime(db.end())
      expect(
        await inTime(engines.scope(async next => (await next.main.query('select 1 as one')).rows)),
      ).toEqual([one])
      await expect
        .poll(async () => (await database.backends()).filter(({ state }) => state === 'active'))
        .toEqual([])
    }
    await engines.scope(async db => {
      const stop = new AbortController()
      const batches = arrowBatches(
        { session: db.main, text: numbers(100_000) },
        { signal: stop.signal, batchRows: 10 },
      )
      await batches.next()
      await sleep(20)
      stop.abort()
      await expect(batches.next()).rejects.toMatchObject({ name: 'AbortError' })
      // It was between two batches: the connection is still usable.
      expect((await db.main.query('select 1 as one')).rows).toEqual([one])
      const ahead = db.main.query('select pg_sleep(0.1), 1 as one')
      const late = new AbortController()
      const waiting = toArrow({ session: db.main, text: 'select 1' }, { signal: late.signal })
      await sleep(10)
      late.abort()
      await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
      expect((await ahead).rows[0]).toMatchObject(one)
      expect((await db.main.query('select 1 as one')).rows).toEqual([one])
      await expect(
        toArrow({ session: db.main, text: 'select 1' }, { signal: late.signal }),
      ).rejects.toMatchObject({ name: 'AbortError' })
    })
  })

  test('the end of a session in the middle of one cuts it short', async () => {
    await using engines = open({ mode })
    const text = mode === 'transaction' ? 'select pg_sleep(30)' : numbers(50_000_000)
    const db = engines.open()
    const reading = toArrow({ session: db.main, text }).catch((error: unknown) => error)
    await untilRuns(database, text)
    await inTime(db.end())
    expect(await inTime(reading)).toMatchObject({ code: 'EL_ENDED' })
    expect(
      await inTime(engines.scope(async next => (await next.main.query('select 1 as one')).rows)),
    ).toEqual([one])
  })

  test('a connection that is lost in the middle is told', async () => {
    await using engines = open({ mode })
    const db = engines.open()
    const [{ pid }] = (await db.main.query('select pg_backend_pid() as pid')).rows as [{ pid: number }]
    const batches = arrowBatches({ session: db.main, text: numbers(1_000_000) }, { batchRows: 1000 })
    await batches.next()
    const [{ now }] = (await database.admin(
      'select max(pid) as now from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = $1',
      ['client backend'],
    )) as [{ now: number }]
    await database.admin('select pg_terminate_backend($1)', [mode === 'transaction' ? pid : now])
    const end = (async () => {
      while (!(await batches.next()).done);
    })()
    await expect(inTime(end)).rejects.toThrow(/terminat|lost/i)
    await db.end()
    expect(
      await inTime(engines.scope(async next => (await next.main.query('select 1 as one')).rows)),
    ).toEqual([one])
  })

  test('a network that goes silent ends it with EL_STATEMENT_TIMEOUT, and the slot is free again', async () => {
    await using proxy = await startFaultProxy(database.url)
    await using engines = open({ mode, connection: proxy.url, statementTimeoutMs: 200 })
    const db = engines.open()
    const reading = (async () => {
      for await (const _ of arrowBatches({ session: db.main, text: numbers(100_000) }, { batchRows: 100 }))
        proxy.set(BLACK_HOLE)
    })()
    const error = await inTime(reading.catch((failure: unknown) => failure))
    expect(error).toMatchObject({ code: 'EL_STATEMENT_TIMEOUT' })
    proxy.set(HEALTHY)
    proxy.reset()
    await db.end()
    const next = engines.scope(async other => (await other.main.query('select 1 as one')).rows)
    expect(await inTime(next)).toEqual([one])
  })

  test('in statementTimeoutMs a server that computes must answer; a reader may take its time', async () => {
    await using engines = open({ mode, statementTimeoutMs: 200 })
    await engines.scope(async db => {
      const slow = toArrow({ session: db.main, text: 'select pg_sleep(30)' }).catch((error: unknown) => error)
      expect(await inTime(slow)).toMatchObject({
        code: mode === 'transaction' ? '57014' : 'EL_STATEMENT_TIMEOUT',
      })
      if (mode === 'transaction') await db.main.rollback()
      if (mode === 'transaction') return
      let rows = 0
      for await (const batch of arrowBatches({ session: db.main, text: numbers(30) }, { batchRows: 10 })) {
        rows += batch.numRows
        await sleep(300)
      }
      expect(rows).toBe(30)
    })
  })
})
