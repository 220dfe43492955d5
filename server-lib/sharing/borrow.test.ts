import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, test, vi } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { statusOf } from '../postgres/transaction-status.ts'
import { getTables, reflect } from '../schema/index.ts'
import { hostOfNotes } from '../testing/borrowers.ts'
import { borrow } from './index.ts'

const { database, host, reopen, opened, borrowed, insert, outside } = hostOfNotes()
const inside = async () =>
  (await host.current!.query<{ body: string }>('select body from notes order by body')).rows.map(
    ({ body }) => body,
  )

async function warnings(run: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = []
  const hear = (warning: Error & { code?: string }) => void told.push(`${warning.code}: ${warning.message}`)
  process.on('warning', hear)
  try {
    await run()
    // A warning about a loan's leftovers comes once the server has answered, in a tick of its own.
    await new Promise(resolve => void setTimeout(resolve, 50))
  } finally {
    process.removeListener('warning', hear)
  }
  return told
}

describe('the contract of a sharing pool', () => {
  test('R1 it opens no connection: each check-out asks the host for its own', async () => {
    const asked: (pg.PoolClient | null)[] = []
    const { db, knex } = borrowed({ connection: () => (asked.push(host.current), host.current) })
    const { processID } = (await host.begin()) as pg.PoolClient & { processID: number }
    const [{ pid }] = await knex.select(knex.raw('pg_backend_pid() pid'))
    const { rows } = await db.host.query('select pg_backend_pid() pid')
    expect([pid, rows[0].pid]).toEqual([processID, processID])
    expect(asked).toEqual([host.current, host.current])
    expect(await database.backends()).toHaveLength(1)
    await host.commit()
  })

  test('R2 the host is asked each time, in the context of whoever asks', async () => {
    const requests = new AsyncLocalStorage<pg.PoolClient>()
    const { knex, engines } = borrowed({ connection: () => requests.getStore() })
    const clients = await Promise.all([host.pool.connect(), host.pool.connect()])
    await Promise.all(clients.map(client => client.query('begin')))
    const seen = await Promise.all(
      clients.map(client =>
        requests.run(client, async () => {
          const [{ pid }] = await knex.select(knex.raw('pg_backend_pid() pid'))
          await using db = engines.open()
          return [pid, (await db.host.query('select pg_backend_pid() pid')).rows[0].pid]
        }),
      ),
    )
    const pids = clients.map(client => (client as unknown as { processID: number }).processID)
    expect(seen).toEqual(pids.map(pid => [pid, pid]))
    await Promise.all(clients.map(client => client.query('commit')))
    for (const client of clients) client.release()
  })

  test('R2 a session that is used in two transactions of the host at once keeps them apart', async () => {
    const requests = new AsyncLocalStorage<pg.PoolClient & { processID: number }>()
    const { db } = borrowed({ connection: () => requests.getStore() })
    const clients = (await Promise.all([host.pool.connect(), host.pool.connect()])) as (pg.PoolClient & {
      processID: number
    })[]
    await Promise.all(clients.map(client => client.query('begin')))
    const pids = async () => [
      ...(await Promise.all(
        Array.from(
          { length: 3 },
          async () => (await db.host.query('select pg_backend_pid() pid')).rows[0].pid,
        ),
      )),
      ((await db.host.stream('select pg_backend_pid() pid').toArray()) as { pid: number }[])[0]!.pid,
    ]
    const seen = await Promise.all(clients.map(client => requests.run(client, pids)))
    expect(seen).toEqual(clients.map(({ processID }) => Array.from({ length: 4 }, () => processID)))
    for (const client of clients) {
      await client.query('commit')
      client.release()
    }
  })

  test('R3 giving it back does nothing to it: no reset, no rollback, no release', async () => {
    const { db, knex } = borrowed()
    await host.begin()
    await host.current!.query("set local application_name = 'the host'")
    await knex('notes').insert({ body: 'a' })
    await db.host.query('select 1')
    await db.host.release()
    expect((await host.current!.query('show application_name')).rows[0].application_name).toBe('the host')
    expect(await inside()).toEqual(['a'])
    await host.commit()
    expect(await outside()).toEqual(['a'])
  })

  test('R4 destroying the borrower leaves the host as it is', async () => {
    const { from, knex, engines } = borrowed()
    await host.begin()
    await knex('notes').insert({ body: 'a' })
    await from.dispose()
    await knex.destroy()
    await engines.close()
    expect(await inside()).toEqual(['a'])
    await host.commit()
    expect(await outside()).toEqual(['a'])
  })

  test('R5 recreate() makes another of the same kind', async () => {
    const { from } = borrowed({ access: 'read' })
    const again = from.recreate()
    const engines = opened(createEngines({ again: again.engine }))
    await host.begin()
    await host.current!.query(insert('a'))
    expect(await again.knex('notes').pluck('body')).toEqual(['a'])
    await expect(engines.open().again.query('delete from notes')).rejects.toMatchObject({ code: '25006' })
    expect(again.status()).toBe('Sharing Pool')
    await host.commit()
  })

  test('R6 its status is Sharing Pool, and an engine says where it is from', () => {
    const { from, engines } = borrowed()
    expect(from.status()).toBe('Sharing Pool')
    expect(engines.get().description).toMatchObject({ source: 'borrowed', mode: 'borrowed', owned: false })
  })

  test('R7 it needs no credentials, and knows the server from the host', async () => {
    const { engines, db } = borrowed()
    expect(engines.get().description.database).toBeNull()
    await host.begin()
    await db.host.query('select 1')
    expect(engines.get().description).toMatchObject({
      database: database.name,
      serverPort: Number(new URL(database.url).port),
    })
    await host.commit()
  })

  test('R8 it needs no tables of its own: they are read through the host, or from its models', async () => {
    const { db } = borrowed()
    await host.begin()
    await host.current!.query('create table of_the_host (id int primary key, note text)')
    const schema = await reflect(db.host, { only: ['notes', 'of_the_host'] })
    const { notes, of_the_host: created } = getTables(schema)
    expect(await db.host(created!.name).insert({ [created!.keys.id!]: 1 })).toMatchObject({ rowCount: 1 })
    expect(await db.host(notes!.name).select(notes!.c.body!)).toEqual([])
    await host.rollback()
    expect(await database.admin(`select to_regclass('of_the_host') found`)).toEqual([{ found: null }])
  })

  test('R9 it is inside of the transaction of the host, with its isolation', async () => {
    const { db, knex } = borrowed()
    await host.begin('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await host.current!.query(insert('of the host'))
    expect(await knex('notes').pluck('body')).toEqual(['of the host'])
    expect((await db.host.query('show transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'repeatable read' },
    ])
    await db.host('notes').insert({ body: 'of the borrower' })
    expect(await outside()).toEqual([])
    await host.rollback()
    expect(await outside()).toEqual([])
  })

  test('R10 it sends no BEGIN, COMMIT or ROLLBACK of its own', async () => {
    const { db, knex, engines } = borrowed()
    await host.begin()
    const sent = vi.spyOn(host.current!, 'query')
    await knex('notes').insert({ body: 'a' })
    await db.host.savepoint(() => db.host('notes').insert({ body: 'b' }))
    await db.commit()
    await db.rollback()
    await db.end()
    await engines.close()
    const texts = sent.mock.calls.map(([config]: any[]) =>
      typeof config === 'string' ? config : config.text,
    )
    expect(texts.filter((text: string) => /^\s*(begin|commit|rollback(?! to))/i.test(text))).toEqual([])
    expect((await host.current!.query('select 1')).rowCount).toBe(1)
    sent.mockRestore()
    await host.commit()
    expect(await outside()).toEqual(['a', 'b'])
  })

  test('R10 commit() and rollback() of its session say whose business that is', async () => {
    const { db } = borrowed()
    await host.begin()
    await db.host('notes').insert({ body: 'a' })
    await expect(db.host.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
    await expect(db.host.rollback()).rejects.toThrow(/its host's transaction: the host ends it/)
    await host.commit()
    expect(await outside()).toEqual(['a'])
  })

  test("R11 with access: 'read' it cannot write, and the host can", async () => {
    const { db, knex } = borrowed({ access: 'read' })
    await host.begin()
    await host.current!.query(insert('a'))
    await expect(knex('notes').insert({ body: 'b' })).rejects.toMatchObject({ code: '25006' })
    await expect(db.host.query("delete from notes where body = 'a'")).rejects.toMatchObject({ code: '25006' })
    await expect(
      db.host.savepoint(() => db.host.query("delete from notes where body = 'a'")),
    ).rejects.toMatchObject({ code: '25006' })
    await expect(knex.transaction(trx => trx('notes').del())).rejects.toMatchObject({ code: '25006' })
    expect(await db.host.query('select body from notes')).toMatchObject({ rows: [{ body: 'a' }] })
    await host.current!.query(insert('c'))
    await host.commit()
    expect(await outside()).toEqual(['a', 'c'])
  })

  test("R11 with access: 'read' nothing is sent where the server could not keep it", async () => {
    const { knex } = borrowed({ access: 'read', requireTransaction: false })
    host.current = await host.pool.connect()
    await expect(knex('notes').insert({ body: 'a' })).rejects.toMatchObject({
      code: 'EL_NO_HOST_TRANSACTION',
      message: expect.stringContaining("access 'read' is kept by a savepoint"),
    })
    host.current.release()
    host.current = null
    expect(await outside()).toEqual([])
    const from = borrow({ connection: () => host.current, guard: 'none' })
    const engines = opened(createEngines({ host: engine()({ borrowed: from, access: 'read' }) }))
    await host.begin()
    await using db = engines.open()
    await expect(db.host.query("insert into notes (body) values ('a')")).rejects.toMatchObject({
      code: '25006',
    })
    await host.commit()
  })

  test('R12 where the host has no connection the error says so', async () => {
    const { db, knex } = borrowed()
    for (const attempt of [
      () => knex('notes'),
      () => db.host('notes'),
      () => knex.transaction(async () => {}),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'EL_NO_HOST_CONNECTION',
        message: expect.stringContaining('returned null, so the host has none in use here'),
      })
    }
    const failing = borrowed({
      connection: () => {
        throw new Error('no request')
      },
    })
    await expect(failing.knex('notes')).rejects.toMatchObject({
      code: 'EL_NO_HOST_CONNECTION',
      cause: { message: 'no request' },
    })
    const late = borrowed({ connection: async () => Promise.reject(new Error('not yet')) })
    await expect(late.db.host('notes')).rejects.toMatchObject({ cause: { message: 'not yet' } })
  })

  test('R12 what is no connection of pg is named', async () => {
    const pool = borrowed({ connection: () => host.pool as never })
    await expect(pool.knex('notes')).rejects.toThrow(
      /returned a pool.*give what pool\.connect\(\) resolves to/,
    )
    const nothing = borrowed({ connection: () => ({}) as never })
    await expect(nothing.knex('notes')).rejects.toThrow(/without a query\(\) method/)
    const old = borrowed({ connection: () => ({ query() {} }) as never })
    await expect(old.knex('notes')).rejects.toThrow(/does not tell whether a transaction is open/)
  })

  test('R13 it begins without a statement of its own', async () => {
    await host.begin()
    const sent = vi.spyOn(host.current!, 'query')
    const { knex, db, engines } = borrowed({ guard: 'none' })
    await engines.warmup()
    expect(sent).not.toHaveBeenCalled()
    await knex('notes')
    await db.host.query('select 1')
    // A connection of an older pg that was not followed from its start is asked once, outside of any statement.
    const asked = process.env.ENGINELIGHT_PG ? ['/* enginelight: is a transaction open? */'] : []
    expect(sent.mock.calls.map(([config]: any[]) => config.text ?? config)).toEqual([
      ...asked,
      'select * from "notes"',
      'select 1',
    ])
    sent.mockRestore()
    await host.commit()
  })

  test('R14 its errors leave the connection to the host', async () => {
    const { knex, db } = borrowed()
    const client = await host.begin()
    await expect(knex('nowhere')).rejects.toMatchObject({ code: '42P01' })
    await expect(db.host.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    await db.end()
    await client.query(insert('a'))
    expect(await host.commit()).toBe('COMMIT')
    expect(host.pool.totalCount).toBe(1)
    expect(await outside()).toEqual(['a'])
  })
})

describe('R15 transaction control', () => {
  test('transaction() is a savepoint, and the host can still roll back', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    await knex.transaction(trx => trx('notes').insert({ body: 'kept so far' }))
    await expect(
      knex.transaction(async trx => {
        await trx('notes').insert({ body: 'undone' })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await knex.transaction(async trx => {
      await trx('notes').insert({ body: 'outer' })
      await trx
        .transaction(async inner => {
          await inner('notes').insert({ body: 'inner' })
          throw new Error('inner only')
        })
        .catch(() => {})
    })
    await db.host.knex.transaction(trx => trx('notes').insert({ body: 'of a session' }))
    expect(await inside()).toEqual(['kept so far', 'of a session', 'outer'])
    expect(await outside()).toEqual([])
    await host.rollback()
    expect(await outside()).toEqual([])
  })

  test.each(['BEGIN', 'begin isolation level read committed', 'START TRANSACTION'])(
    'savepoint: %s and what ends it stay inside of the host',
    async text => {
      const { db } = borrowed()
      await host.begin()
      await db.host.query(text)
      await db.host.query("insert into notes (body) values ('a')")
      expect((await db.host.query('COMMIT')).command).toBe('COMMIT')
      await db.host.query(text)
      await db.host.query("insert into notes (body) values ('b')")
      expect((await db.host.query('ROLLBACK')).command).toBe('ROLLBACK')
      expect(await inside()).toEqual(['a'])
      expect(await outside()).toEqual([])
      await host.rollback()
      expect(await outside()).toEqual([])
    },
  )

  test('savepoint: one that is never ended is rolled back with the request', async () => {
    const { db } = borrowed()
    await host.begin()
    await db.host.query('BEGIN')
    await db.host.query("insert into notes (body) values ('a')")
    await db.end()
    expect(await inside()).toEqual([])
    await host.commit()
    expect(await outside()).toEqual([])
  })

  test('ignore: answered, and not sent', async () => {
    const { db, knex } = borrowed({ transactionControl: 'ignore' })
    await host.begin()
    await db.host.query('BEGIN')
    await knex.raw("insert into notes (body) values ('a')")
    await knex.raw('ROLLBACK')
    await db.host.query('COMMIT')
    expect(await inside()).toEqual(['a'])
    expect(await outside()).toEqual([])
    await host.rollback()
  })

  test('error: refused', async () => {
    const { db, knex } = borrowed({ transactionControl: 'error' })
    await host.begin()
    await host.current!.query(insert('a'))
    for (const attempt of [
      () => db.host.query('commit'),
      () => knex.raw('/* a comment */ rollback'),
      () => db.host.query('select 1; commit'),
      () => db.host.query('begin'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'EL_TRANSACTION_CONTROL' })
    }
    expect(await inside()).toEqual(['a'])
    await host.rollback()
  })

  test('savepoint: what its context sends after it was undone is refused, after it was kept is the host’s', async () => {
    const { db } = borrowed()
    await host.begin()
    const after = (fails: boolean) => {
      let open = () => {}
      const opened = new Promise<void>(resolve => (open = resolve))
      const late: Promise<unknown>[] = []
      const ended = db.host.savepoint(async () => {
        late.push(opened.then(() => db.host.query("insert into notes (body) values ('late')")))
        late.push(opened.then(() => db.host.savepoint(() => 1)))
        await db.host('notes').insert({ body: `${fails}` })
        if (fails) throw new Error('no')
      })
      return ended
        .catch(() => {})
        .then(() => open())
        .then(() => Promise.allSettled(late))
    }
    for (const one of await after(true)) expect(one).toMatchObject({ reason: { code: 'EL_ENDED' } })
    expect((await after(false)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(await inside()).toEqual(['false', 'late'])
    await host.commit()
  })

  test('what is refused inside of a savepoint leaves that open', async () => {
    const { db } = borrowed()
    await host.begin()
    await db.host.savepoint(async () => {
      await db.host('notes').insert({ body: 'a' })
      await expect(db.host.query('SET statement_timeout = 1')).rejects.toThrow(/SET/)
      await db.host('notes').insert({ body: 'b' })
    })
    await expect(
      db.host.savepoint(async () => {
        await db.host('notes').insert({ body: 'c' })
        await db.host.query('DISCARD ALL')
      }),
    ).rejects.toMatchObject({ code: 'EL_TRANSACTION_CONTROL' })
    expect(await inside()).toEqual(['a', 'b'])
    await host.commit()
  })

  test.each(["PREPARE TRANSACTION 'x'", 'select 1; COMMIT', 'SET statement_timeout = 1', 'DISCARD ALL'])(
    'refused in any case: %s',
    async text => {
      const { db } = borrowed()
      await host.begin()
      await expect(db.host.query(text)).rejects.toMatchObject({ code: 'EL_TRANSACTION_CONTROL' })
      await host.commit()
    },
  )
})

describe('R16 a failing statement', () => {
  test('cannot fail the transaction of the host', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    await host.current!.query(insert('of the host'))
    for (const attempt of [
      () => knex('notes').insert({ body: 'of the host' }),
      () => db.host('notes').insert({ body: 'of the host' }),
      () => db.host.query('select 1/0'),
      () => db.host.query('select 1; select 1/0'),
      () => db.host.query('nonsense'),
      () => knex.raw('select ?::int', ['x']),
      () => knex.transaction(trx => trx('nowhere')),
      () => db.host.savepoint(() => db.host('nowhere')),
    ]) {
      await expect(attempt()).rejects.toThrow()
      expect(statusOf(host.current! as never)).toBe('open')
    }
    await host.current!.query(insert('as well'))
    expect(await host.commit()).toBe('COMMIT')
    expect(await outside()).toEqual(['as well', 'of the host'])
  })

  test('whose values pg cannot write is undone as well', async () => {
    const { db } = borrowed()
    await host.begin()
    const unwritable = {
      toPostgres() {
        throw new Error('cannot be written')
      },
    }
    await expect(db.host.query('select $1::text', [unwritable])).rejects.toThrow('cannot be written')
    expect((await db.host.query('select 1 one')).rows).toEqual([{ one: 1 }])
    expect(statusOf(host.current! as never)).toBe('open')
    await host.commit()
  })

  test('of the host itself is told before anything is sent', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    await expect(host.current!.query('nonsense')).rejects.toThrow()
    for (const attempt of [() => knex('notes'), () => db.host('notes'), () => db.host.savepoint(() => 1)]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
    }
    await host.rollback()
  })

  test('without a guard fails the host, and says so', async () => {
    const { knex } = borrowed({ guard: 'none' })
    await host.begin()
    const told = await warnings(() => expect(knex('nowhere')).rejects.toMatchObject({ code: '42P01' }))
    expect(told).toEqual([
      expect.stringMatching(/^EL_HOST_DISTURBED: .*in a failed transaction, which was in a/),
    ])
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
    await host.rollback()
  })
})

describe('R17 one statement at a time', () => {
  test('whoever asks, on both sides at once, with no warning of pg and no write of the host lost', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    const told = await warnings(async () => {
      const ours = Array.from({ length: 20 }, (_, at) => [
        knex('notes').insert({ body: `knex ${at}` }),
        db.host('notes').insert({ body: at % 2 ? `session ${at}` : 'taken' }),
        knex.transaction(trx => trx('notes').insert({ body: at % 3 ? `trx ${at}` : 'taken' })),
      ]).flat()
      const theirs = (async () => {
        for (let at = 0; at < 20; at++) await host.current!.query(insert(`host ${at}`))
      })()
      const [, ...settled] = await Promise.allSettled([theirs, ...ours])
      await theirs
      expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(10)
    })
    expect(told).toEqual([])
    expect((await inside()).filter(body => body.startsWith('host'))).toHaveLength(20)
    expect((await inside()).filter(body => body.startsWith('knex'))).toHaveLength(20)
    expect(await host.commit()).toBe('COMMIT')
    expect((await outside()).filter(body => body.startsWith('host'))).toHaveLength(20)
  })

  test('a write of the host in the same tick as one of ours that fails is kept', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    await Promise.allSettled([
      knex('nowhere'),
      host.current!.query(insert('after knex')),
      db.host.query('select 1/0'),
      host.current!.query(insert('after a session')),
      knex.transaction(async trx => {
        await trx('notes').insert({ body: 'undone' })
        await trx('nowhere')
      }),
      host.current!.query(insert('after a transaction')),
    ])
    expect(await inside()).toEqual(['after a session', 'after a transaction', 'after knex'])
    expect(await host.commit()).toBe('COMMIT')
    expect(await outside()).toHaveLength(3)
  })

  test('a stream holds the connection until it is closed', async () => {
    const { db, knex } = borrowed()
    await host.begin()
    await host.current!.query("insert into notes (body) select 'n' || n from generate_series(1, 500) n")
    const rows: unknown[] = []
    const streamed = (async () => {
      for await (const row of db.host.stream('select body from notes order by id')) rows.push(row)
    })()
    await new Promise(resolve => void setTimeout(resolve, 20))
    const [, count] = await Promise.all([
      streamed,
      knex('notes').count('* as n').first(),
      host.current!.query(insert('of the host')),
    ])
    expect(rows).toHaveLength(500)
    expect(Number(count!.n)).toBeGreaterThanOrEqual(500)
    for await (const row of knex('notes').select('body').orderBy('id').stream()) {
      rows.push(row)
      break
    }
    const broken = db.host.stream('select 1 / (3 - n) from generate_series(1, 5) n')
    await expect(broken.toArray()).rejects.toMatchObject({ code: '22012' })
    expect(statusOf(host.current! as never)).toBe('open')
    expect(await host.commit()).toBe('COMMIT')
    expect(await outside()).toHaveLength(501)
  })

  test('a cursor of the host is read to its end before ours is sent', async () => {
    const { knex } = borrowed()
    await host.begin()
    const stream = host.current!.query(new QueryStream('select n from generate_series(1, 300) n'))
    const [rows, found] = await Promise.all([stream.toArray(), knex.raw('select 1 one')])
    expect(rows).toHaveLength(300)
    expect(found.rows).toEqual([{ one: 1 }])
    await host.commit()
  })

  test('a statement of the host inside of our savepoint belongs to it', async () => {
    const { knex, db } = borrowed()
    await host.begin()
    await db.host.savepoint(async () => {
      await host.current!.query(insert('inside a savepoint'))
    })
    await knex.transaction(async trx => {
      await trx('notes').insert({ body: 'inside a transaction' })
      await host.current!.query(insert('of the host, inside'))
    })
    await db.host
      .savepoint(async () => {
        await host.current!.query(insert('undone with it'))
        throw new Error('no')
      })
      .catch(() => {})
    expect(await inside()).toHaveLength(3)
    await host.commit()
  })

  test('a host that would wait for ever is told', async () => {
    const { db } = borrowed({ checkoutTimeoutMs: 200 })
    await host.begin()
    let finish = () => {}
    const held = db.host.savepoint(async () => {
      await db.host('notes').insert({ body: 'a' })
      await new Promise<void>(resolve => void (finish = resolve))
    })
    await vi.waitFor(() => expect(db.host.identity).toBeDefined())
    await expect(host.current!.query(insert('late'))).rejects.toMatchObject({ code: 'EL_HOST_WAITED' })
    const late = new Promise<Error | null>(resolve => {
      host.current!.query('select 1', [], error => resolve(error))
    })
    expect(await late).toMatchObject({ code: 'EL_HOST_WAITED' })
    const other = db.host
    void other
    finish()
    await held
    expect(await inside()).toEqual(['a'])
    await host.commit()
  })

  test('a borrower that waits too long is told who has it', async () => {
    const { engines, db } = borrowed({ checkoutTimeoutMs: 200 })
    await host.begin()
    let finish = () => {}
    const held = db.host.savepoint(async () => {
      await db.host('notes').insert({ body: 'a' })
      await new Promise<void>(resolve => void (finish = resolve))
    })
    await vi.waitFor(() => expect(db.host.identity).toBeDefined())
    await expect(engines.open().host('notes')).rejects.toMatchObject({
      code: 'EL_CHECKOUT_TIMEOUT',
      holders: [expect.objectContaining({ session: expect.any(String) })],
    })
    finish()
    await held
    await host.commit()
  })
})

test('R18 a cancel of the borrower hits no statement of the host', async () => {
  const { knex } = borrowed()
  await host.begin()
  for (let round = 0; round < 3; round++) {
    await expect(knex.raw('select pg_sleep(5)').timeout(20, { cancel: true })).rejects.toThrow()
    await host.current!.query('select 1')
  }
  // A cancel is requested once more after 250 ms if the statement is still unanswered.
  await expect(knex.raw('select pg_sleep(5)').timeout(20, { cancel: true })).rejects.toThrow()
  expect((await host.current!.query('select 1 one, pg_sleep(0.4)')).rows[0].one).toBe(1)
  expect(await host.commit()).toBe('COMMIT')
})

test('R18 nothing of the borrower stays on the connection', async () => {
  const { knex, db } = borrowed()
  const client = (await host.begin()) as pg.PoolClient & NodeJS.EventEmitter
  const look = () => ({
    keys: Reflect.ownKeys(client).map(String).toSorted(),
    listeners: client.eventNames().map(name => [String(name), client.listenerCount(name)]),
    query: client.query,
  })
  const before = look()
  await knex('notes').insert({ body: 'a' })
  await knex.transaction(trx => trx('notes').insert({ body: 'b' }))
  await knex('nowhere').catch(() => {})
  await knex
    .raw('select pg_sleep(5)')
    .timeout(30, { cancel: true })
    .catch(() => {})
  await db.host.savepoint(() => db.host('notes'))
  await db.host.stream('select 1').toArray()
  await db.host.query('select 1; select 2')
  await db.end()
  await vi.waitFor(() => expect(look()).toEqual(before))
  expect(await host.commit()).toBe('COMMIT')
  expect(await outside()).toEqual(['a', 'b'])
})

describe('R19 a lease ends', () => {
  test('with the transaction of the host', async () => {
    const { knex, db } = borrowed()
    const client = await host.begin()
    await knex('notes')
    await client.query('COMMIT')
    for (const attempt of [() => knex('notes'), () => db.host('notes'), () => db.host.savepoint(() => 1)]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'EL_NO_HOST_TRANSACTION' })
    }
    await client.query('BEGIN')
    await host.commit()
  })

  test('with the transaction of the host, inside of a savepoint of ours', async () => {
    const { db } = borrowed()
    await host.begin()
    await expect(
      db.host.savepoint(async () => {
        await host.current!.query('COMMIT')
        await db.host('notes').insert({ body: 'too late' })
      }),
    ).rejects.toMatchObject({
      code: 'EL_LEASE_ENDED',
      message: expect.stringContaining('ended the transaction'),
    })
    expect(await outside()).toEqual([])
    await host.current!.query('BEGIN')
    await host.commit()
  })

  test('with the transaction of the host, which begins another on the same client inside of a savepoint of ours', async () => {
    const { db, knex } = borrowed()
    for (const inUnit of [
      (work: (late: () => Promise<unknown>) => Promise<void>) =>
        db.host.savepoint(() => work(() => db.host('notes').insert({ body: 'too late' }))),
      (work: (late: () => Promise<unknown>) => Promise<void>) =>
        knex.transaction(async trx => {
          await trx('notes').select()
          await work(() => trx('notes').insert({ body: 'too late' }))
        }),
    ]) {
      const client = await host.begin()
      const told = await warnings(async () => {
        const unit = inUnit(async late => {
          await client.query('COMMIT')
          await client.query('BEGIN')
          await expect(late()).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
        })
        await expect(unit).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
      })
      expect(told).toEqual([])
      await client.query(insert('of the second'))
      await knex('notes').del()
      expect(await host.commit()).toBe('COMMIT')
    }
    expect(await outside()).toEqual([])
  })

  test('when the host gives its client back, whoever has it then', async () => {
    await reopen({ max: 1 })
    const { knex, db } = borrowed()
    const client = await host.begin()
    let reused: pg.PoolClient | undefined
    await expect(
      db.host.savepoint(async () => {
        await host.current!.query('COMMIT')
        client.release()
        reused = await host.pool.connect()
        await reused.query('BEGIN')
        await reused.query(insert('of another'))
        await db.host('notes').insert({ body: 'in a foreign transaction' })
      }),
    ).rejects.toMatchObject({ code: 'EL_LEASE_ENDED', message: expect.stringContaining('has released it') })
    host.current = null
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
    await db.end()
    expect((await reused!.query('COMMIT')).command).toBe('COMMIT')
    reused!.release()
    expect(await outside()).toEqual(['of another'])
  })

  test('when the host gives its client back while a borrower lines up for it', async () => {
    await reopen({ max: 1 })
    const { knex, db } = borrowed()
    const client = await host.begin()
    let finish = () => {}
    const held = db.host.savepoint(async () => {
      await db.host('notes').insert({ body: 'undone' })
      await new Promise<void>(resolve => void (finish = resolve))
    })
    await vi.waitFor(() => expect(statusOf(client as never)).toBe('open'))
    await new Promise(resolve => void setTimeout(resolve, 20))
    const late = expect(knex('notes').insert({ body: 'in a foreign transaction' })).rejects.toMatchObject({
      code: 'EL_LEASE_ENDED',
      message: expect.stringContaining('has released it'),
    })
    await new Promise(resolve => void setImmediate(resolve))
    client.release()
    host.current = null
    const reused = await host.pool.connect()
    expect(reused).toBe(client)
    finish()
    await expect(held).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    await late
    // pg-pool does not roll back what the last holder has left open.
    await reused.query('ROLLBACK')
    reused.release()
    expect(await outside()).toEqual([])
  })

  test('when the host has given its client back, and nobody has it', async () => {
    const { knex } = borrowed({ requireTransaction: false })
    const client = await host.begin()
    await client.query('COMMIT')
    client.release()
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    host.current = null
  })

  test('when the connection is lost', async () => {
    const { knex, db } = borrowed()
    const client = (await host.begin()) as pg.PoolClient & { processID: number }
    client.on('error', () => {})
    await knex('notes')
    const running = expect(db.host.query('select pg_sleep(30)')).rejects.toMatchObject({
      code: 'EL_CONNECTION_LOST',
    })
    await vi.waitFor(async () => {
      const [row] = await database.admin(
        'select pg_terminate_backend($1) done from pg_stat_activity where pid = $1 and query like $2',
        [client.processID, '%sleep%'],
      )
      expect(row).toEqual({ done: true })
    }, 5_000)
    await running
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
    host.current = null
    client.release(true)
  })

  test('for knex, with its transaction', async () => {
    const { knex } = borrowed()
    await host.begin()
    const trx = await knex.transaction()
    await trx.rollback().catch(() => {})
    await expect(trx('notes')).rejects.toThrow()
    await host.commit()
  })
})

test('R20 the transaction of the host is as it was before, or a warning tells', async () => {
  const { knex } = borrowed({ guard: 'none', requireTransaction: false })
  const client = await host.begin()
  expect(await warnings(() => knex('notes'))).toEqual([])
  await client.query('COMMIT')
  expect(await warnings(() => knex('notes').insert({ body: 'by itself' }))).toEqual([])
  expect(await outside()).toEqual(['by itself'])
  await client.query('BEGIN')
  const told = await warnings(() => knex.raw('do $$ begin raise exception $x$no$x$; end $$').catch(() => {}))
  expect(told).toHaveLength(1)
  await host.rollback()
})

describe('options', () => {
  test.each<[object, string]>([
    [
      {},
      'option connection must be a function that gives the connection of the host, asked at each check-out',
    ],
    [{ connection: () => null, guard: 'no' }, "option guard must be 'savepoint' or 'none', not a text"],
    [{ connection: () => null, access: 1 }, "option access must be 'write' or 'read', not 1"],
    [{ connection: () => null, pool: 1 }, 'borrow() has no option pool; there are connection, access'],
    [{ connection: () => null, access: 'read', guard: 'none' }, "guard cannot be 'none'"],
    [{ connection: () => null, checkoutTimeoutMs: 0 }, 'a whole number of milliseconds'],
  ])('%j is refused', (options, sentence) => {
    expect(() => borrow(options as never)).toThrow(sentence)
  })

  test('an engine that borrows has no transactions of its own to speak of', () => {
    const { from } = borrowed()
    const define = (options: object) => () =>
      createEngines({ host: engine()({ borrowed: from.recreate(), ...options } as never) })
    expect(define({ transactional: true })).toThrow(/option transactional is not for a borrowed engine/)
    expect(define({ mode: 'autocommit' })).toThrow(/option mode is not for/)
    expect(define({ connection: 'postgres://x' })).toThrow(/exactly one of/)
    expect(() => createEngines({ again: from.engine })).toThrow(/a pool that another engine has already/)
    expect(() => createEngines({ host: engine()({ borrowed: {} as never }) })).toThrow(
      /must be made by borrow\(\)/,
    )
  })
})
