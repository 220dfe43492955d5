import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, test, vi } from 'vitest'
import { hostOfNotes } from '../testing/borrowers.ts'
import { statusOf } from '../postgres/transaction-status.ts'

const { database, host, borrowed, insert, outside } = hostOfNotes()
const soon = (ms: number) => new Promise<void>(resolve => void setTimeout(resolve, ms))

describe('a statement in a savepoint of its own', () => {
  test.each(['copy notes (body) from stdin', '/* here */ COPY notes (body) FROM STDIN'])(
    'that the server wants data for fails alone: %s',
    async text => {
      const { knex, db } = borrowed()
      const client = await host.begin()
      client.on('error', () => {})
      await client.query(insert('a'))
      await expect(knex.raw(text)).rejects.toMatchObject({ code: '57014' })
      await expect(db.host.query(text)).rejects.toMatchObject({ code: '57014' })
      expect(await host.commit()).toBe('COMMIT')
      expect(await outside()).toEqual(['a'])
    },
  )

  test('that is empty has no answer of another', async () => {
    const { db } = borrowed()
    await host.begin()
    expect(((await db.host.query('-- nothing')) as any).command).toBe(null)
    await host.commit()
  })

  test('with a name leaves none behind on the connection of the host', async () => {
    const { knex } = borrowed()
    const client = await host.begin()
    const named = { name: 'find', text: 'select $1::int as ours', values: [1] }
    const connection = await knex.client.acquireConnection()
    expect((await connection.query(named)).rows).toEqual([{ ours: 1 }])
    await connection.query('begin')
    expect((await connection.query({ ...named, rowMode: 'array' })).rows).toEqual([[1]])
    await connection.query('commit')
    await knex.client.releaseConnection(connection)
    expect((await client.query('select name from pg_prepared_statements')).rows).toEqual([])
    expect((await client.query({ name: 'find', text: 'select 2 as theirs' })).rows).toEqual([{ theirs: 2 }])
    await host.commit()
  })

  test('that is cancelled as its savepoint is closed is undone with it', async () => {
    const { db } = borrowed()
    const client = await host.begin()
    const { query } = client
    // Several statements in one text take a round trip for each end of the savepoint.
    let at = 0
    client.query = function (this: unknown, ...args: any[]) {
      if (args[0] === 'RELEASE SAVEPOINT el_guard') {
        at++
        args[0] = 'select 1/0'
      }
      return Reflect.apply(query, client, args)
    } as never
    await expect(db.host.query("insert into notes (body) values ('x'); select 1")).rejects.toMatchObject({
      code: '22012',
    })
    expect(at).toBe(1)
    client.query = query
    expect(statusOf(client as never)).toBe('open')
    await host.commit()
    expect(await outside()).toEqual([])
  })

  test('a cancel that comes late, as it is undone, does not fail the host', async () => {
    const { db } = borrowed()
    const client = await host.begin()
    const { query } = client
    let hits = 0
    client.query = ((...args: any[]) => {
      if (!String(args[0]).startsWith('ROLLBACK TO SAVEPOINT el_guard') || hits++ > 1)
        return Reflect.apply(query, client, args)
      // The answer of a server that has rolled back nothing.
      const failure = Object.assign(new Error('canceling statement'), { code: '57014', severity: 'ERROR' })
      setImmediate(() => args[1](failure))
    }) as never
    await expect(db.host.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    client.query = query
    expect(hits).toBe(3)
    expect(statusOf(client as never)).toBe('open')
    await host.commit()
  })
})

test('somebody who wraps the query of the connection while a savepoint of ours is open stays in its way', async () => {
  const { knex } = borrowed()
  const client = await host.begin()
  const seen: unknown[] = []
  await knex.transaction(async () => {
    const { query } = client
    client.query = ((...args: any[]) => {
      seen.push(args[0].text ?? args[0])
      return Reflect.apply(query, client, args)
    }) as never
  })
  await client.query('select 1')
  expect(await knex('notes')).toEqual([])
  await Promise.all([
    knex.transaction(trx => trx('notes').insert({ body: 'a' })),
    knex('notes'),
    client.query(insert('b')),
  ])
  expect(seen).toContain('select 1')
  await host.commit()
  expect(await outside()).toEqual(['a', 'b'])
})

test('a cancel that is asked for again hits no later statement of the same borrower', async () => {
  const { knex } = borrowed()
  await host.begin()
  await knex.transaction(async trx => {
    await trx
      .transaction(inner => inner.raw('select pg_sleep(5)').timeout(20, { cancel: true }))
      .catch(() => {})
    await trx.raw('select pg_sleep(0.6)')
  })
  await host.commit()
})

describe('a stream', () => {
  test.each([0, 1, 2, 3, 5, 8])(
    'that is destroyed %d ticks after it was made does not keep the connection',
    async ticks => {
      const { db, knex } = borrowed({ checkoutTimeoutMs: 1_000 })
      const client = await host.begin()
      const rows = 'select * from generate_series(1, 100000)'
      const streams = [() => db.host.stream(rows)]
      // Without our help, knex never releases the connection of a stream that is destroyed at once.
      if (ticks > 0) streams.push(() => knex.raw(rows).stream() as never)
      for (const make of streams) {
        const stream = make()
        stream.on('error', () => {})
        for (let at = 0; at < ticks; at++) await new Promise(setImmediate)
        stream.destroy()
        expect((await client.query('select 1 one')).rows).toEqual([{ one: 1 }])
        await knex('notes')
      }
      expect(statusOf(client as never)).toBe('open')
      await host.commit()
    },
  )

  test('of pg that is destroyed while its savepoint is on the way', async () => {
    const { knex } = borrowed({ checkoutTimeoutMs: 1_000 })
    const client = await host.begin()
    await knex.transaction(async () => {})
    const connection = await knex.client.acquireConnection()
    for (let ticks = 0; ticks < 6; ticks++) {
      const stream = connection.query(
        new QueryStream('select * from generate_series(1, 100000)'),
      ) as QueryStream
      stream.on('error', () => {})
      for (let at = 0; at < ticks; at++) await new Promise(setImmediate)
      stream.destroy()
      await connection.query('select 1')
    }
    await knex.client.releaseConnection(connection)
    expect((await client.query('select 1 one')).rows).toEqual([{ one: 1 }])
    await host.commit()
  })
})

test('a host that ends its transaction before our statement is sent', async () => {
  const { db, knex } = borrowed()
  const client = await host.begin()
  const warned = vi.spyOn(process, 'emitWarning')
  for (const run of [
    () => knex('notes').insert({ body: 'x' }),
    () => db.host.query('insert into notes (body) values (1); select 1'),
    () => knex.transaction(trx => trx('notes').insert({ body: 'y' })),
  ]) {
    for (let ticks = 0; ticks < 12; ticks++) {
      const ours = run().then(
        () => 'sent',
        (error: any) => error.code,
      )
      for (let at = 0; at < ticks; at++) await Promise.resolve()
      const committed = client.query('rollback')
      const code = await ours
      await committed
      expect(['sent', 'EL_NO_HOST_TRANSACTION', 'EL_LEASE_ENDED']).toContain(code)
      await client.query('begin')
    }
  }
  expect(JSON.stringify(warned.mock.calls)).not.toContain('EL_HOST_DISTURBED')
  warned.mockRestore()
  await host.commit()
  expect(await outside()).toEqual([])
})

test('a statement in a second transaction of the host is not sent in the savepoint of the first', async () => {
  const requests = new AsyncLocalStorage<pg.PoolClient>()
  const { db, engines } = borrowed({ connection: () => requests.getStore() })
  const [first, second] = await Promise.all([host.pool.connect(), host.pool.connect()])
  await Promise.all([first.query('begin'), second.query('begin')])
  await requests.run(first, () =>
    db.host.savepoint(async () => {
      await db.host('notes').insert({ body: 'first' })
      await requests.run(second, async () => {
        for (const attempt of [
          () => db.host('notes').insert({ body: 'second' }),
          () => db.host.query('select 1'),
          () => db.host.stream('select 1').toArray(),
        ]) {
          await expect(attempt()).rejects.toMatchObject({
            code: 'EL_ILLEGAL_MOVE',
            message: expect.stringContaining(
              `backend ${(second as unknown as { processID: number }).processID}`,
            ),
          })
        }
        await using other = engines.open()
        await other.host('notes').insert({ body: 'of another session' })
      })
      // Where the host has no connection, the statement goes to that of the savepoint.
      await requests.exit(async () => db.host('notes').insert({ body: 'nowhere' }))
    }),
  )
  await requests.run(second, async () => db.host('notes').insert({ body: 'second, after it' }))
  await second.query('rollback')
  await first.query('commit')
  for (const client of [first, second]) client.release()
  expect(await outside()).toEqual(['first', 'nowhere'])
})

test('two borrowers and a host that writes ahead, all at once: what fails fails alone', async () => {
  const client = new pg.Client({ connectionString: database.url, pipeline: true } as pg.ClientConfig)
  await client.connect()
  const [one, two] = [borrowed({ connection: () => client }), borrowed({ connection: () => client })]
  const sent: [succeeds: boolean, send: () => PromiseLike<unknown>][] = [
    [true, () => client.query(insert('of the host, at once'))],
    [true, () => one.knex('notes').insert({ body: 'of a knex' })],
    [false, () => one.knex('nowhere')],
    [true, () => two.knex('notes').insert({ body: 'of another' })],
    [true, () => client.query(insert('of the host, in between'))],
    [
      false,
      () => two.knex.transaction(trx => trx.raw("insert into notes (body) values ('gone'); select 1/0")),
    ],
    [true, () => one.db.host.stream('select * from generate_series(1, 500)').toArray()],
    [false, () => two.db.host.query('select 1/0')],
    [true, () => one.db.host.savepoint(() => one.db.host('notes').insert({ body: 'in a savepoint' }))],
    [false, () => one.knex.raw('select pg_sleep(1)').timeout(10, { cancel: true })],
    [true, () => client.query(insert('of the host, behind'))],
  ]
  await client.query('begin')
  const settled = await Promise.allSettled(sent.map(([, send]) => send()))
  expect(settled.map(({ status }) => status === 'fulfilled')).toEqual(sent.map(([succeeds]) => succeeds))
  expect((await client.query('commit')).command).toBe('COMMIT')
  await client.end()
  expect(await outside()).toHaveLength(6)
})

test('a host that ends its client while our statement runs', async () => {
  const { db, knex } = borrowed()
  for (const text of ['select pg_sleep(0.3)', 'select pg_sleep(0.3); select 1']) {
    const client = await host.begin()
    client.on('error', () => {})
    const ours = db.host.query(text).then(
      () => 'fine',
      (error: any) => error.code,
    )
    const other = knex('notes').then(
      () => 'fine',
      (error: any) => error.code,
    )
    await soon(50)
    host.current = null
    client.release(true)
    expect([await ours, await other]).toEqual(['EL_CONNECTION_LOST', expect.stringMatching(/^EL_/)])
  }
})
