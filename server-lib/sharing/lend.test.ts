import { AsyncLocalStorage } from 'node:async_hooks'
import Cursor from 'pg-cursor'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { observe } from '../channels/channels.ts'
import { createEngines, engine, type Session } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { eventually, expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { latch } from '../testing/latch.ts'
import { listen } from '../testing/story.ts'
import { borrow, lend } from './index.ts'

let database: TestDatabase
let engines: ReturnType<typeof open>
let db: ReturnType<typeof engines.open>
let session: Session

const open = () =>
  createEngines({
    main: engine()({ connection: database.url, pool: { max: 3 }, checkoutTimeoutMs: 300, default: true }),
    log: engine()({ connection: database.url, pool: { max: 2 }, mode: 'autocommit' }),
  })

beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text unique)')
  engines = open()
})
beforeEach(() => {
  db = engines.open()
  session = db.main as Session
})
afterEach(async () => {
  await db.end()
  await expectQuiet(database)
  await database.admin('truncate t restart identity')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

const insert = (name: string) => ({ text: 'insert into t (name) values ($1)', values: [name] })
const outside = async () => (await database.admin('select name from t order by id')).map(row => row.name)
const inside = async () => (await session('t').orderBy('id')).map((row: { name: string }) => row.name)

describe('the client', () => {
  test("takes all of pg's forms", async () => {
    const { client } = lend(session)
    const told = (...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const callback = (error: Error | null, result: pg.QueryResult) =>
          error ? reject(error) : resolve(result.rows)
        expect(client.query(...args, callback)).toBeUndefined()
      })
    expect((await client.query('select 1 as a')).rows).toEqual([{ a: 1 }])
    expect((await client.query('select $1::int as a', [2])).rows).toEqual([{ a: 2 }])
    const config = { text: 'select $1::int as a, 2 as b', name: 'named', rowMode: 'array' }
    expect((await client.query(config, [3])).rows).toEqual([[3, 2]])
    expect((await client.query({ ...config, values: [4] })).rows).toEqual([[4, 2]])
    const types = { getTypeParser: () => (text: string) => `<${text}>` }
    expect((await client.query({ text: 'select 5 as a', types })).rows).toEqual([{ a: '<5>' }])
    expect(await told('select 6 as a')).toEqual([{ a: 6 }])
    expect(await told('select $1::int as a', [7])).toEqual([{ a: 7 }])
    const asked = new Promise(resolve => {
      client.query({
        text: 'select 8 as a',
        callback: (_: unknown, { rows }: pg.QueryResult) => resolve(rows),
      })
    })
    expect(await asked).toEqual([{ a: 8 }])
    await expect(told('select nothing')).rejects.toMatchObject({ code: '42703' })
    await expect(client.query({ name: 'named' })).rejects.toMatchObject({ code: 'EL_CONFIG' })
    await expect(client.query(undefined)).rejects.toMatchObject({ code: 'EL_CONFIG' })
    expect(client.processID).toBe(session.identity?.backendPid)
    expect(session.state).toBe('active')
  })

  test('takes cursors and streams, guarded as any statement', async () => {
    const { client, pool } = lend(session)
    const cursor: Cursor = client.query(new Cursor('select * from generate_series(1, 5) a'))
    expect(await cursor.read(2)).toEqual([{ a: 1 }, { a: 2 }])
    await cursor.close()
    const rows: unknown[] = []
    for await (const row of pool.query(new QueryStream('select * from generate_series(1, 3) a')))
      rows.push(row)
    expect(rows).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
    const failing: Cursor = client.query(new Cursor('select 1 / (3 - a) as b from generate_series(1, 5) a'))
    await expect(failing.read(5)).rejects.toMatchObject({ code: '22012' })
    await client.query(insert('after'))
    const ending = client.query(new QueryStream('commit')) as QueryStream
    await expect(ending.toArray()).rejects.toMatchObject({ code: 'EL_TRANSACTION_CONTROL' })
    expect(session.state).toBe('active')
    await session.commit()
    expect(await outside()).toEqual(['after'])
  })

  test('answers BEGIN and COMMIT as the server does, and commits nothing', async () => {
    const { client } = lend(session)
    const notices: unknown[] = []
    client.on('notice', ({ code }: { code: string }) => notices.push(code))
    const commands: string[] = []
    const statuses: string[] = []
    for (const text of [
      'begin',
      'BEGIN',
      insert('a'),
      'commit',
      'commit',
      'start transaction',
      insert('b'),
      'abort',
    ]) {
      commands.push((await client.query(text)).command)
      statuses.push(client.getTransactionStatus())
    }
    expect(commands).toEqual(['BEGIN', 'BEGIN', 'INSERT', 'COMMIT', 'COMMIT', 'BEGIN', 'INSERT', 'ROLLBACK'])
    expect(statuses).toEqual(['T', 'T', 'T', 'I', 'I', 'T', 'T', 'I'])
    expect(notices).toEqual(['25001', '25P01'])
    expect(await inside()).toEqual(['a'])
    expect(await outside()).toEqual([])
    await session.commit()
    expect(await outside()).toEqual(['a'])
  })

  test('a COMMIT after a failed statement is answered with ROLLBACK, and the session goes on', async () => {
    const { client } = lend(session)
    await client.query(insert('before'))
    await client.query('begin')
    await client.query(insert('lost'))
    await expect(client.query('select nothing')).rejects.toMatchObject({ code: '42703' })
    expect(client.getTransactionStatus()).toBe('E')
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'EL_TRANSACTION_FAILED' })
    await expect(client.query('begin')).rejects.toMatchObject({ code: 'EL_TRANSACTION_FAILED' })
    expect(await client.query('commit')).toMatchObject({ command: 'ROLLBACK' })
    expect(session.state).toBe('active')
    await session.commit()
    expect(await outside()).toEqual(['before'])
  })

  test("a COMMIT is answered with ROLLBACK where the session's own statement failed just before", async () => {
    const { client } = lend(session)
    await client.query('begin')
    await client.query(insert('lost'))
    const failing = session.query('select nothing')
    const committed = client.query('commit')
    await expect(failing).rejects.toMatchObject({ code: '42703' })
    expect(await committed).toMatchObject({ command: 'ROLLBACK' })
    expect(await inside()).toEqual([])
  })

  test('a statement outside of a transaction fails alone, and takes nothing with it', async () => {
    const { client } = lend(session)
    await client.query(insert('a'))
    const names = Array.from({ length: 20 }, (_, at) => `ours${at}`)
    for (const name of names) {
      const refused = expect(client.query(insert('a'))).rejects.toMatchObject({ code: '23505' })
      // Whenever it is sent, it must not land in the savepoint around the client's statement.
      for (let at = names.indexOf(name); at > 0; at--) await new Promise(setImmediate)
      await session('t').insert({ name })
      await refused
    }
    await session.commit()
    expect(await outside()).toEqual(['a', ...names])
    const unguarded = lend(session, { guard: 'none' })
    await expect(unguarded.client.query(insert('a'))).rejects.toMatchObject({ code: '23505' })
    expect(session.state).toBe('failed')
  })

  test('a statement outside of a transaction takes one round trip, where it is known to be one', async () => {
    const { client } = lend(session)
    await session.query('select 1')
    const Wire = (pg as unknown as { Connection: { prototype: Record<'sync' | 'query', () => void> } })
      .Connection.prototype
    const ends = [vi.spyOn(Wire, 'sync'), vi.spyOn(Wire, 'query')]
    const trips = async (statement: unknown) => {
      const before = ends.map(({ mock }) => mock.calls.length)
      await client.query(statement).catch(() => {})
      return ends.reduce((sum, { mock }, at) => sum + mock.calls.length - before[at]!, 0)
    }
    expect(await trips(insert('a'))).toBe(1)
    expect(await trips('select 1')).toBe(1)
    expect(await trips({ ...insert('b'), rowMode: 'array', types: pg.types })).toBe(1)
    expect(await trips(insert('b'))).toBe(2)
    expect(await trips('select 1; select 2')).toBe(3)
    expect(await trips({ ...insert('c'), name: 'insert c' })).toBe(3)
    expect(await trips('copy t from stdin')).toBe(3)
    for (const spy of ends) spy.mockRestore()
    expect(session.state).toBe('active')
    expect(await inside()).toEqual(['a', 'b', 'c'])
  })

  test('observers are told of it as it is, with its own rows and command', async () => {
    const { client } = lend(session)
    await session.query('select 1')
    const told: unknown[] = []
    const stop = observe('enginelight:statement', message => {
      if (message.phase === 'end') told.push([message.command, message.rows, message.error?.code])
    })
    await client.query("insert into t (name) values ('a'), ('b')")
    await client.query(insert('a')).catch(() => {})
    await client.query('-- nothing')
    stop()
    expect(told).toEqual([
      ['INSERT', 2, undefined],
      [null, null, '23505'],
      ['RELEASE', 0, undefined],
      [null, null, undefined],
    ])
  })

  test('READ ONLY holds for the transaction of the host alone', async () => {
    const { client } = lend(session)
    await client.query('begin read only')
    await expect(client.query(insert('a'))).rejects.toMatchObject({ code: '25006' })
    await client.query('rollback')
    await client.query('begin read only')
    await client.query('select 1')
    await client.query('commit')
    await client.query(insert('b'))
    expect(await inside()).toEqual(['b'])
  })

  test('its own savepoints cannot touch those of the session', async () => {
    const { client } = lend(session)
    await session.query('savepoint mine')
    await client.query('begin')
    await client.query('savepoint sp1')
    await client.query(insert('a'))
    await client.query('rollback to savepoint sp1')
    await expect(client.query('release savepoint mine')).rejects.toMatchObject({ sqlstate: '3B001' })
    await client.query(insert('b'))
    await client.query('commit')
    await session.query('release savepoint mine')
    expect(await inside()).toEqual(['b'])
  })

  test('refuses what would outlive the transaction, and several statements with control among them', async () => {
    const { client } = lend(session)
    for (const text of [
      'begin; select 1; commit',
      "set app.x = 'secret'",
      'listen x',
      "prepare transaction 'secret'",
      'begin isolation level serializable',
    ])
      await expect(client.query(text), text).rejects.toMatchObject({
        code: 'EL_TRANSACTION_CONTROL',
        message: expect.not.stringContaining('secret'),
      })
    await client.query("set local app.x = 'fine'; select 1")
    expect(session.state).toBe('active')
  })

  test("'ignore' sends nothing, 'error' refuses", async () => {
    const ignoring = lend(session, { transactionControl: 'ignore' }).client
    await ignoring.query('begin')
    await ignoring.query(insert('a'))
    expect(await ignoring.query('rollback')).toMatchObject({ command: 'ROLLBACK' })
    expect(await inside()).toEqual(['a'])
    const strict = lend(session, { transactionControl: 'error' }).client
    await expect(strict.query('begin')).rejects.toMatchObject({
      code: 'EL_TRANSACTION_CONTROL',
      move: 'BEGIN',
    })
    await strict.query(insert('b'))
    expect(await inside()).toEqual(['a', 'b'])
  })

  test('the isolation of the session is enough for a host that asks for as much', async () => {
    await engines.run(
      async db => {
        const { client } = lend(db.main)
        await client.query('begin isolation level repeatable read')
        await client.query('commit')
        await expect(client.query('begin isolation level serializable')).rejects.toMatchObject({
          message: expect.stringContaining(
            'serializable, and the transaction that is open is repeatable read',
          ),
        })
      },
      { isolation: 'repeatable read' },
    )
  })

  test('a session in autocommit takes statements and refuses BEGIN', async () => {
    for (const transactionControl of ['savepoint', 'ignore'] as const) {
      const { client, pool } = lend(db.log, { transactionControl })
      await expect(client.query('begin')).rejects.toMatchObject({
        code: 'EL_ILLEGAL_MOVE',
        message: expect.stringContaining('autocommit'),
      })
      await pool.query(insert(transactionControl))
    }
    expect(await outside()).toEqual(['savepoint', 'ignore'])
  })
})

describe('the pool', () => {
  test('hands its client to one transaction at a time', async () => {
    const { pool } = lend(session)
    const order: string[] = []
    const transact = async (name: string, end: string) => {
      const client = await pool.connect()
      await client.query('begin')
      order.push(`${name} begun`)
      await client.query(insert(`${name}1`))
      await new Promise(resolve => setTimeout(resolve, 5))
      await client.query(insert(`${name}2`))
      order.push(`${name} ${end}`)
      await client.query(end)
      client.release()
    }
    await Promise.all([transact('a', 'commit'), transact('b', 'rollback'), transact('c', 'commit')])
    expect(order).toEqual(['a begun', 'a commit', 'b begun', 'b rollback', 'c begun', 'c commit'])
    await session.commit()
    expect(await outside()).toEqual(['a1', 'a2', 'c1', 'c2'])
  })

  test('a statement beside a transaction of the host is no part of it', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    await client.query('begin')
    const beside = pool.query(insert('kept'))
    await client.query(insert('undone'))
    await client.query('rollback')
    await beside
    expect(await inside()).toEqual(['kept'])
  })

  test('a savepoint of the session and a transaction of the host take turns', async () => {
    const { pool } = lend(session)
    const order: string[] = []
    const ours = (name: string, fails: boolean) =>
      session
        .savepoint(async () => {
          order.push(`${name} begun`)
          await session('t').insert({ name })
          order.push(`${name} over`)
          if (fails) throw new Error(name)
        })
        .catch(() => {})
    const theirs = async (name: string, end: string) => {
      const client = await pool.connect()
      await client.query('begin')
      order.push(`${name} begun`)
      await client.query(insert(name))
      order.push(`${name} over`)
      await client.query(end)
      client.release()
    }
    await Promise.all([
      ours('s1', true),
      theirs('h1', 'commit'),
      ours('s2', false),
      theirs('h2', 'rollback'),
      ours('s3', true),
    ])
    for (let at = 0; at < order.length; at += 2)
      expect(order[at + 1]).toBe(order[at]?.replace('begun', 'over'))
    expect((await inside()).toSorted()).toEqual(['h1', 's2'])
  })

  test('a transaction of the host inside of a savepoint of the session nests in it', async () => {
    const { pool } = lend(session)
    const undone = session.savepoint(async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query(insert('a'))
      await client.query('commit')
      client.release()
      expect(await inside()).toEqual(['a'])
      throw new Error('ours')
    })
    await expect(undone).rejects.toThrow('ours')
    expect(await inside()).toEqual([])
  })

  test('a savepoint of the session undoes a transaction of the host in it that is not ended in time', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    const left = session.savepoint(async () => {
      await client.query('begin')
      await client.query(insert('undone'))
    })
    const line = expect.stringContaining('BEGIN of a library')
    await expect(left).rejects.toMatchObject({ code: 'EL_CHECKOUT_TIMEOUT', message: line })
    await expect(client.query(insert('late'))).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
    client.release()
    await pool.query(insert('a'))
    const ended = session.savepoint(async () => {
      const other = await pool.connect()
      await other.query('begin')
      await other.query(insert('b'))
      // The test does not await it, but the savepoint does.
      setTimeout(() => void other.query('commit').then(() => other.release()), 20)
    })
    await ended
    await session.commit()
    expect(await outside()).toEqual(['a', 'b'])
  })

  test('who waits for a transaction that waits for him is told so', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    await client.query('begin')
    const line = expect.stringMatching(
      /BEGIN of a library, sent \d+ ms ago at server-lib\/sharing\/lend\.test\.ts:\d+/,
    )
    const late = { code: 'EL_CHECKOUT_TIMEOUT', waitedMs: 300, message: line }
    const [statement, begin, ours] = await Promise.allSettled([
      pool.query(insert('a')),
      pool.connect().then(other => other.query('begin')),
      session.savepoint(() => {}),
    ])
    expect(statement).toMatchObject({ status: 'rejected', reason: late })
    expect(begin).toMatchObject({ status: 'rejected', reason: late })
    expect(ours).toMatchObject({ status: 'rejected', reason: late })
    // The holder's place has not been taken.
    await client.query(insert('b'))
    await client.query('commit')
    await pool.query(insert('c'))
    await session.savepoint(() => {})
    expect(await inside()).toEqual(['b', 'c'])
  })

  test('a client that is released in a transaction is rolled back, and answers no more', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    await client.query('begin')
    await client.query(insert('a'))
    client.release()
    client.release()
    await pool.query(insert('b'))
    expect(await inside()).toEqual(['b'])
    await expect(client.query('select 1')).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE', move: 'query' })
    await expect(pool.query('begin')).rejects.toMatchObject({ code: 'EL_TRANSACTION_CONTROL' })
  })

  test('has the forms of a callback, is an instance of the class it was given, and its end ends nothing', async () => {
    const { pool, client }: { pool: pg.Pool; client: pg.PoolClient } = lend(session, { Pool: pg.Pool })
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool.constructor.name).toContain('Pool')
    expect(client.constructor.name).not.toContain('Pool')
    const rows = await new Promise((resolve, reject) => {
      pool.connect((error, connected, release) => {
        if (error || !connected) return reject(error)
        connected.query('select 1 as a', (_, result) => {
          release()
          resolve(result.rows)
        })
      })
    })
    expect(rows).toEqual([{ a: 1 }])
    await pool.end()
    await client.end()
    await pool.query(insert('a'))
    await session.commit()
    expect(await outside()).toEqual(['a'])
  })

  test('lends what a function gives at that moment', async () => {
    const lent = lend(() => engines.current.main)
    const { pool } = lent
    const outOfScope = { code: 'EL_NO_SCOPE' }
    await expect(pool.connect()).rejects.toMatchObject(outOfScope)
    await expect(pool.query('select 1')).rejects.toMatchObject(outOfScope)
    expect(await new Promise(resolve => void pool.query('select 1', resolve))).toMatchObject(outOfScope)
    expect(await new Promise(resolve => void pool.connect(resolve))).toMatchObject(outOfScope)
    expect(() => lent.client).toThrow('engines.current')
    await engines.run(() => pool.query(insert('a')))
    await engines.scope(() =>
      lent.client.query('begin').then(() => expect(lent.client.getTransactionStatus()).toBe('T')),
    )
    await engines.scope(() => pool.query(insert('b')))
    expect(await outside()).toEqual(['a'])
  })

  test('a session on a borrowed connection is not lent on', async () => {
    const borrowed = borrow({ connection: () => new pg.Client(database.url) as never })
    await using hosted = createEngines({ host: borrowed.engine })
    await using own = hosted.open()
    expect(() => lend(own.host)).toThrow('it is itself on a borrowed connection')
  })

  test('says what is wrong before any SQL', () => {
    expect(() => lend({} as never)).toThrow('lend() takes a session')
    expect(() => lend((() => 5) as never).client).toThrow('lend() takes a session')
    expect(() => lend(session, { transactionControl: 'commit' as never })).toThrow(
      "must be 'savepoint' or 'ignore' or 'error', not a text",
    )
    expect(() => lend(session, { guard: 'all' as never })).toThrow("must be 'savepoint' or 'none'")
    expect(() => lend(session, { policy: 'ignore' } as never)).toThrow('policy')
    expect(session.state).toBe('idle')
  })
})

describe('an end of the session', () => {
  test('under an open transaction of the host is told to it', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    await client.query('begin')
    await client.query(insert('undone'))
    await session.rollback()
    const over = { code: 'EL_ILLEGAL_MOVE', legalMoves: ['rollback'] }
    await expect(client.query(insert('b'))).rejects.toMatchObject(over)
    // The place is free: the session's next transaction is another one.
    await session.savepoint(() => session('t').insert({ name: 'c' }))
    await expect(client.query('commit')).rejects.toMatchObject(over)
    await client.query('begin')
    await client.query(insert('d'))
    await session.rollback()
    expect(await client.query('rollback')).toMatchObject({ command: 'ROLLBACK' })
    expect(await outside()).toEqual([])
  })

  test('is refused as a commit while a transaction of the host is open: half of it would be kept', async () => {
    const { pool } = lend(session)
    const begun = latch()
    const transact = async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query(insert('a'))
      begun.open()
      await new Promise(resolve => setTimeout(resolve, 20))
      await client.query(insert('b'))
      await client.query('commit')
      client.release()
    }
    const forgotten = transact()
    await begun.opened
    const early = {
      code: 'EL_ILLEGAL_MOVE',
      legalMoves: ['rollback'],
      message: expect.stringMatching(
        /BEGIN of a library, sent \d+ ms ago at .*lend\.test\.ts:\d+ is not ended yet/,
      ),
    }
    await expect(session.commit()).rejects.toMatchObject(early)
    await expect(db.commit()).rejects.toMatchObject(early)
    await forgotten
    await session.commit()
    expect(await outside()).toEqual(['a', 'b'])
  })

  test('is EL_ENDED to the host, also to one who waits', async () => {
    await using patient = createEngines({
      main: engine()({ connection: database.url, checkoutTimeoutMs: 60_000 }),
    })
    await using own = patient.open()
    const { pool, client } = lend(own.main)
    await client.query('begin')
    await client.query(insert('a'))
    const waiting = expect(pool.query(insert('b'))).rejects.toMatchObject({ code: 'EL_ENDED' })
    await own.end()
    await waiting
    await expect(client.query(insert('c'))).rejects.toMatchObject({ code: 'EL_ENDED' })
    expect(await client.query('rollback')).toMatchObject({ command: 'ROLLBACK' })
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'EL_ENDED' })
    const cursor = client.query(new Cursor('select 1')) as Cursor
    await expect(cursor.read(1)).rejects.toMatchObject({ code: 'EL_ENDED' })
    expect(await outside()).toEqual([])
  })
})

describe('when it goes wrong', () => {
  test('a backend that is killed under a transaction of the host is told to it, and ends nothing else', async () => {
    const { client } = lend(session)
    await client.query('begin')
    await client.query(insert('a'))
    await database.admin('select pg_terminate_backend($1)', [client.processID])
    await expect(client.query(insert('b'))).rejects.toMatchObject({ code: 'EL_CONNECTION_LOST' })
    expect(await client.query('rollback')).toMatchObject({ command: 'ROLLBACK' })
    await session.rollback()
    await client.query(insert('c'))
    await session.commit()
    expect(await outside()).toEqual(['c'])
  })

  test('a statement of the host that runs as the session ends is cancelled, and nobody waits for ever', async () => {
    const { pool } = lend(session)
    const client = await pool.connect()
    await client.query('begin')
    const running = client.query('select pg_sleep(60)')
    const behind = client.query('commit')
    const waiting = pool.query(insert('a'))
    const settled = Promise.allSettled([running, behind, waiting])
    await eventually(
      async () => (await database.backends()).some(({ query }) => query.includes('pg_sleep')),
      true,
    )
    await db.end()
    for (const one of await settled) expect(one).toMatchObject({ reason: { code: 'EL_ENDED' } })
    await eventually(
      async () => (await database.backends()).some(({ query }) => query.includes('pg_sleep')),
      false,
    )
  })

  test('a host that cannot have a connection is told who holds them, and gives its place up', async () => {
    await using others = engines.open()
    const taken = [engines.open(), engines.open()]
    for (const one of [others, ...taken]) await one.main.query('select 1')
    const { pool } = lend(session)
    const late = { code: 'EL_CHECKOUT_TIMEOUT', holders: expect.any(Array) }
    const client = await pool.connect()
    await expect(client.query('begin')).rejects.toMatchObject(late)
    await expect(pool.query('select 1')).rejects.toMatchObject(late)
    for (const one of taken) await one.end()
    await client.query('begin')
    await client.query('commit')
    await session.commit()
  })

  test('callbacks and promises run in the context of whoever asked', async () => {
    const context = new AsyncLocalStorage<string>()
    const { pool } = lend(session)
    await pool.query('select 1')
    const seen = await context.run('mine', async () => {
      const told = new Promise(resolve => {
        pool.query('select 1', () => resolve(context.getStore()))
      })
      const connected = new Promise(resolve => {
        pool.connect((_, __, release) => {
          release()
          resolve(context.getStore())
        })
      })
      return [await told, await connected, context.getStore()]
    })
    expect(seen).toEqual(['mine', 'mine', 'mine'])
  })

  test('of many units at once each is there as a whole or not at all', async () => {
    await using patient = createEngines({
      main: engine()({ connection: database.url, checkoutTimeoutMs: 60_000 }),
    })
    await using own = patient.open()
    const session = own.main
    const { pool } = lend(session)
    const kept: string[] = []
    const unit = async (at: number) => {
      const names = [`${at}a`, `${at}b`]
      const fails = at % 3 === 0
      const second = insert(fails ? `${at}a` : `${at}b`)
      if (!fails) kept.push(...names)
      if (at % 4 === 0) {
        return session.savepoint(async () => {
          await session('t').insert({ name: names[0] })
          const client = await pool.connect()
          await client.query('begin')
          await client.query(second).finally(() => client.release())
          // Its transaction was rolled back when the client was released, so this runs outside of one.
          await client.query('commit').catch(() => {})
          if (!fails) await pool.query(second)
        })
      }
      if (at % 4 === 1) {
        await pool.query({
          text: 'insert into t (name) values ($1), ($2)',
          values: [names[0], fails ? names[0] : names[1]],
        })
        return
      }
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query(insert(names[0] as string))
        await client.query(second)
        await client.query('commit')
      } finally {
        client.release()
      }
    }
    await Promise.allSettled(Array.from({ length: 60 }, (_, at) => unit(at)))
    await session.commit()
    await patient.close()
    expect((await outside()).toSorted()).toEqual(kept.toSorted())
  })
})

test("the host's statements are told as those of the session, with the application's line", async () => {
  const { messages, stop } = listen('statement', 'transaction')
  const { pool } = lend(session)
  const client = await pool.connect()
  await client.query('begin')
  await client.query(insert('a'))
  await client.query('commit')
  client.release()
  await session.commit()
  stop()
  const starts = messages.filter(one => one.channel === 'enginelight:statement' && one.phase === 'start')
  expect(starts.map(one => 'text' in one && one.text.replaceAll(/el_b\d+/g, 'x'))).toEqual([
    'BEGIN',
    'SAVEPOINT x',
    'insert into t (name) values ($1)',
    'RELEASE SAVEPOINT x',
    'COMMIT',
  ])
  for (const one of starts.slice(1, 4)) {
    expect(one).toMatchObject({
      engine: 'main',
      session: expect.any(String),
      site: { label: expect.stringContaining('lend.test.ts') },
    })
  }
  const savepoints = messages.filter(
    one => one.channel === 'enginelight:transaction' && one.phase === 'savepoint',
  )
  expect(savepoints.map(one => 'action' in one && one.action)).toEqual(['set', 'released'])
})
