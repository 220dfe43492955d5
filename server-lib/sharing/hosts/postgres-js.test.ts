import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines } from '../../index.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { eventually, expectQuiet } from '../../testing/ground-truth.ts'
import {
  heldOpen,
  NOTES,
  testHost,
  type HostTransaction,
  type OpenTransaction,
} from '../../testing/host-contract.ts'
import { borrow, type BorrowOptions } from '../index.ts'
import { connectionOf } from './postgres-js.ts'

type Tx = postgres.TransactionSql

const open = (url: string) => postgres(url, { max: 2, onnotice: () => {} })

const over = (sql: postgres.ISql): HostTransaction => ({
  connection: () => connectionOf(sql),
  insert: async body => sql`insert into notes (body) values (${body})`,
  bodies: async () => (await sql`select body from notes order by body`).map(({ body }) => body as string),
  pid: async () => (await sql`select pg_backend_pid() pid`)[0]!.pid as number,
  nested: work => (sql as Tx).savepoint(inner => work(over(inner))) as never,
})

testHost({
  name: 'postgres.js 3, begin()',
  async open(database) {
    const sql = open(database.url)
    return {
      async begin(): Promise<OpenTransaction> {
        const { tx, ...end } = await heldOpen<Tx>(work => sql.begin(work))
        return { ...over(tx), ...end }
      },
      close: () => sql.end(),
    }
  },
})

testHost({
  name: 'postgres.js 3, reserve()',
  async open(database) {
    const sql = open(database.url)
    return {
      async begin(): Promise<OpenTransaction> {
        const reserved = await sql.reserve()
        await reserved`begin`
        const end = async (text: string) => {
          await reserved.unsafe(text)
          reserved.release()
        }
        let depth = 0
        const tx: HostTransaction = {
          ...over(reserved),
          async nested(work) {
            const name = `nested_${++depth}`
            await reserved.unsafe(`savepoint ${name}`)
            try {
              return await work(tx)
            } catch (error) {
              await reserved.unsafe(`rollback to ${name}`)
              throw error
            }
          },
        }
        return { ...tx, commit: () => end('commit'), rollback: () => end('rollback') }
      },
      close: () => sql.end(),
    }
  },
})

describe('connectionOf of postgres.js', () => {
  let database: TestDatabase
  let sql: postgres.Sql
  const borrowed = (tx: postgres.ISql, options: Partial<BorrowOptions> = {}) => {
    const from = borrow({ connection: () => connectionOf(tx), ...options })
    const engines = createEngines({ host: from.engine })
    const db = engines.open()
    return {
      knex: from.knex,
      db,
      async [Symbol.asyncDispose]() {
        await db.end()
        await engines.close({ graceMs: 500 })
      },
    }
  }
  const outside = async () =>
    (await database.admin<{ body: string }>('select body from notes order by body')).map(({ body }) => body)

  beforeAll(async () => {
    database = await createDatabase(NOTES)
    sql = open(database.url)
  })
  afterEach(async () => {
    await expectQuiet(database)
    await database.admin('truncate notes restart identity')
  })
  afterAll(async () => {
    // postgres.js waits for ever for a statement that was lost with its connection.
    await sql.end({ timeout: 0.2 })
    await database.drop()
  })

  test('what the host writes ahead, prepares, reads by a cursor and nests goes around ours, in its order', async () => {
    const rounds = process.env.ENGINELIGHT_LONG === '1' ? 100 : 12
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const { knex, db } = ours
      for (let round = 0; round < rounds; round++) {
        const order: string[] = []
        const note = (body: string) =>
          tx`insert into notes (body) values (${body})`.then(() => void order.push(body))
        const [, , , cursor] = await Promise.all([
          Promise.all(Array.from({ length: 8 }, (_, at) => note(`a ${round} ${at}`))),
          later(round % 3, () => Promise.all(Array.from({ length: 8 }, (_, at) => note(`b ${round} ${at}`)))),
          // A new text each time: postgres.js asks for its parameters first, and pipelines nothing.
          tx.unsafe(`insert into notes (body) values ($1 || '${round}')`, ['c '], {
            prepare: round % 2 === 0,
          }),
          (async () => {
            let rows = 0
            for await (const batch of tx`select n from generate_series(1, ${20 + round}) n`.cursor(7))
              rows += batch.length
            return rows
          })(),
          ...[
            () => knex('nowhere'),
            () => knex('notes').insert({ body: `knex ${round}` }),
            () => db.host.query('select $1::int', ['x']),
            () => knex.transaction(trx => trx('notes').insert({ body: `knex ${round}` })),
            () => db.host.savepoint(() => db.host('notes').insert({ body: `session ${round}` })),
          ].map(one => one().then(yes, no)),
        ]).then(([a, b, c, d, ...outcomes]) => {
          expect(outcomes).toEqual([false, true, false, false, true])
          return [a, b, c, d] as const
        })
        expect(cursor).toBe(20 + round)
        for (const letter of ['a', 'b']) {
          expect(order.filter(body => body.startsWith(letter))).toEqual(
            Array.from({ length: 8 }, (_, at) => `${letter} ${round} ${at}`),
          )
        }
      }
    })
    expect(await outside()).toHaveLength(rounds * (8 + 8 + 1 + 1 + 1))
  })

  test('what the host sends within our savepoint, several at once, belongs to it', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const { knex, db } = ours
      // A new text each time: postgres.js asks for its parameters first, and nothing may be written in between.
      const insert = (body: string) =>
        tx.unsafe(`insert into notes (body) values ($1) /* ${body} */`, [body], { prepare: true })
      await db.host.savepoint(async () => {
        await Promise.all([
          insert('kept 1'),
          db.host('notes').insert({ body: 'kept 2' }),
          insert('kept 3'),
          insert('kept 4'),
        ])
      })
      const around = insert('around')
      await Promise.all([
        knex
          .transaction(async trx => {
            await Promise.all([
              insert('undone 1'),
              trx('notes').insert({ body: 'undone 2' }),
              insert('undone 3'),
            ])
            throw new Error('no')
          })
          .catch(() => {}),
        later(1, () => insert('meanwhile')),
        around,
      ])
    })
    expect(await outside()).toEqual(['around', 'kept 1', 'kept 2', 'kept 3', 'kept 4', 'meanwhile'])
  })

  test('what stood behind our savepoint in the queue of postgres.js keeps its place', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const { knex } = ours
      await connectionOf(tx)
      const insert = (body: string) => tx`insert into notes (body) values (${body})`
      // A new text each time, so that nothing is pipelined before its answer.
      const first = tx.unsafe('select pg_sleep($1) one', [0.05]).execute()
      const order: string[] = []
      const own = knex('notes')
        .insert({ body: 'ours' })
        .then(() => void order.push('ours'))
      await later(4, async () => {})
      // Sent when our turn has come, and our savepoint after it.
      const second = tx.unsafe('select pg_sleep($1) two', [0.15]).execute()
      await first
      await new Promise(resolve => void setTimeout(resolve, 50))
      const behind = ['a', 'b', 'c'].map(body => insert(body).then(() => void order.push(body)))
      await Promise.all([own, second, ...behind])
      expect(order).toEqual(['ours', 'a', 'b', 'c'])
    })
    expect(await outside()).toEqual(['a', 'b', 'c', 'ours'])
  })

  test('a statement of the host that our savepoint let in is answered before others are written behind it', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const { knex } = ours
      for (let round = 0; round < 20; round++) {
        // A new text each time, which postgres.js takes several steps to send.
        const insert = (body: string) =>
          tx.unsafe(`insert into notes (body) values ($1) /* ${body} ${round} */`, [`${body} ${round}`], {
            prepare: true,
          })
        let left: Promise<unknown> = Promise.resolve()
        await Promise.all([
          knex.transaction(async trx => {
            await trx('notes').insert({ body: `ours ${round}` })
            // Not awaited: it is sent while the RELEASE is on its way.
            left = later(1, () => insert('let in'))
          }),
          later(2, () => insert('held 1')),
          later(2, () => insert('held 2')),
        ])
        await left
      }
    })
    expect(await outside()).toHaveLength(80)
  })

  test('where a savepoint of the host has failed we are refused, and begin() goes on', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      await expect(
        tx.savepoint(async inner => {
          await inner`nonsense`.catch(() => {})
          await expect(ours.knex('notes')).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
        }),
      ).rejects.toThrow()
      await ours.knex('notes').insert({ body: 'afterwards' })
    })
    expect(await outside()).toEqual(['afterwards'])
  })

  test('a savepoint of the host that is first seen within one of ours is on the same connection', async () => {
    let current: postgres.TransactionSql | undefined
    const from = borrow({ connection: () => current && connectionOf(current), checkoutTimeoutMs: 1_000 })
    await using engines = createEngines({ host: from.engine })
    await engines.scope(db =>
      sql.begin(async tx => {
        current = tx
        await db.host.savepoint(async () => {
          await tx.savepoint(async inner => {
            current = inner
            await db.host('notes').insert({ body: 'within both' })
          })
        })
      }),
    )
    await engines.close()
    expect(await outside()).toEqual(['within both'])
  })

  test('a transaction that the host ends within our savepoint leaves its connection to others as it was', async () => {
    const { client } = await sql.begin(async tx => {
      const ours = borrowed(tx)
      await expect(
        ours.db.host.savepoint(async () => {
          await ours.db.host('notes').insert({ body: 'kept' })
          await tx.unsafe('commit')
          await ours.db.host('notes').insert({ body: 'too late' })
        }),
      ).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
      return { client: ours }
    })
    expect(await Promise.all([1, 2, 3, 4].map(n => sql`select ${n}::int n`.then(([row]) => row!.n)))).toEqual(
      [1, 2, 3, 4],
    )
    await client[Symbol.asyncDispose]()
    expect(await outside()).toEqual(['kept'])
  })

  test('its values, types and errors are those that pg gives', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    const text = `select $1::int4 a, $2::text b, $3::jsonb c, $4::timestamptz d, $5::bytea e, $6::text[] f, $7::bool g, $8::numeric h,
      $9::int8 i, $10::date j, $11::interval k, $12::json l, null m, $13::point n, $14::int4[] o, $15::bool p`
    const values = [
      1,
      'ü " \\ \'',
      JSON.stringify({ a: [1, 'x'] }),
      new Date(1_700_000_000_123),
      Buffer.from([0, 255, 39]),
      ['a', null, 'b"c'],
      true,
      '12345678901234567890.5',
      '9007199254740993',
      '2024-02-29',
      '1 day 02:00',
      { x: 1 },
      '(1,2)',
      [1, 2],
      'true',
    ]
    const shape = ({ fields, rows, rowCount, command }: pg.QueryResult) => ({
      rows,
      rowCount,
      command,
      fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
    })
    try {
      await sql.begin(async tx => {
        const { query } = (await connectionOf(tx)) as unknown as pg.Client
        await using ours = borrowed(tx)
        const { knex, db } = ours
        expect(shape((await db.host.query(text, values)) as never)).toEqual(
          shape(await client.query(text, values)),
        )
        const asArray = { text: 'select 1 a, 2 a', rowMode: 'array' as const }
        expect(await (query(asArray as never) as unknown as Promise<unknown>)).toMatchObject({
          rows: [[1, 2]],
        })
        for (const several of ['select 1 a; select 2 b, 3 c', 'select 1 where false']) {
          const [theirs, own] = [await client.query(several), await db.host.query(several)]
          expect([own].flat().map(one => shape(one as never))).toEqual(
            [theirs].flat().map(one => shape(one as never)),
          )
        }
        expect(await knex('notes').insert({ body: 'a' }).returning('*')).toEqual([{ id: 1, body: 'a' }])
        expect(await knex('notes').where({ body: 'a' }).update({ body: 'b' })).toBe(1)
        expect(await knex('notes').where({ body: 'c' }).del()).toBe(0)
        await client.query("insert into notes (body) values ('secret value')")
        const failed = (run: Promise<unknown>) =>
          run.then(
            () => ({}) as pg.DatabaseError,
            (error: pg.DatabaseError) => error,
          )
        const own = await failed(db.host.query('insert into notes (body) values ($1)', ['secret value']))
        const theirs = await failed(client.query('insert into notes (body) values ($1)', ['secret value']))
        const facts = ({ code, severity, message, detail, schema, table, constraint }: pg.DatabaseError) => ({
          code,
          severity,
          message,
          detail,
          schema,
          table,
          constraint,
        })
        expect(facts(own)).toEqual(facts(theirs))
        expect(own).not.toHaveProperty('parameters')
        expect(own).not.toHaveProperty('args')
      })
    } finally {
      await client.end()
    }
  })

  test('a COPY without a stream is what it is to pg: nothing is copied, and nobody waits for ever', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    const of = async (query: (text: string) => Promise<any>) => {
      const failed = await query('copy notes from stdin').catch((error: pg.DatabaseError) => error.code)
      const { command, rows } = await query('copy (select 1) to stdout')
      return { failed, command, rows }
    }
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      expect(await of(text => ours.db.host.query(text))).toEqual(await of(text => client.query(text)))
      expect(await ours.knex('notes').insert({ body: 'a' })).toMatchObject({ rowCount: 1 })
      await tx`insert into notes (body) values ('b')`
    })
    await client.end()
    expect((await database.admin('select body from notes order by body')).map(({ body }) => body)).toEqual([
      'a',
      'b',
    ])
  })

  test('streams are read in batches, also one that nobody reads to its end, and of what no cursor can read', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const { knex, db } = ours
      await tx`insert into notes (body) select 'n' || n from generate_series(1, 450) n`
      const [rows, , , more] = await Promise.all([
        db.host.stream('select id, body from notes where id > $1 order by id', [0]).toArray(),
        tx`insert into notes (body) values ('of the host')`,
        knex('nowhere').catch(() => {}),
        knex('notes').select('body').where('id', '<=', 450).stream().toArray(),
      ])
      expect(rows.slice(0, 450)).toEqual(
        Array.from({ length: 450 }, (_, at) => ({ id: at + 1, body: `n${at + 1}` })),
      )
      expect(more).toHaveLength(450)
      for await (const row of db.host.stream('select body from notes')) {
        expect(row).toHaveProperty('body')
        break
      }
      expect(
        await db.host.stream("update notes set body = body || '!' where id < 200 returning id").toArray(),
      ).toHaveLength(199)
      await expect(
        db.host.stream('select 1 / (150 - n) from generate_series(1, 300) n').toArray(),
      ).rejects.toMatchObject({ code: '22012' })
      await expect(db.host.stream('select from nowhere').toArray()).rejects.toMatchObject({ code: '42P01' })
      expect(await tx`select 1 from pg_cursors where not is_holdable and name like 'el%'`).toHaveLength(0)
    })
    expect(await outside()).toHaveLength(451)
  })

  test('a statement that is given up is cancelled, and the host goes on', async () => {
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const since = performance.now()
      await expect(ours.knex.raw('select pg_sleep(8)').timeout(50, { cancel: true })).rejects.toThrow(
        /timeout/i,
      )
      await tx`insert into notes (body) values ('of the host')`
      expect(performance.now() - since).toBeLessThan(4_000)
    })
    expect(await outside()).toEqual(['of the host'])
  })

  test('an error of the host is told before anything is sent, and a transaction that was never begun', async () => {
    const reserved = await sql.reserve()
    await using ours = borrowed(reserved)
    const { knex, db } = ours
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_TRANSACTION' })
    await reserved`begin`
    await reserved`nonsense`.catch(() => {})
    for (const attempt of [() => knex('notes'), () => db.host('notes'), () => db.host.savepoint(() => 1)])
      await expect(attempt()).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
    await reserved`rollback`
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_TRANSACTION' })
    reserved.release()
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    await db.end()
  })

  test('nothing of ours stays on the connection of postgres.js', async () => {
    for (const run of [(work: (tx: postgres.ISql) => Promise<unknown>) => sql.begin(work), reserving]) {
      await run(async tx => {
        const look = async () => {
          let wire: Record<string, unknown> = {}
          await tx.unsafe('', [], { onexecute: (one: typeof wire) => Boolean((wire = one)) } as never)
          return { ...wire }
        }
        const before = await look()
        await using ours = borrowed(tx)
        const { knex, db } = ours
        await knex('nowhere').catch(() => {})
        await knex.transaction(async () => {
          expect(await look()).not.toEqual(before)
        })
        await db.host.savepoint(() => db.host('notes'))
        await db.host.stream('select 1').toArray()
        expect(await look()).toEqual(before)
        await Promise.all([tx`select 1`, knex('notes'), tx`select ${2}::int`])
        expect(await look()).toEqual(before)
      })
    }
  })
  async function reserving(work: (tx: postgres.ISql) => Promise<unknown>) {
    const reserved = await sql.reserve()
    await reserved`begin`
    await work(reserved)
    await reserved`commit`
    reserved.release()
  }

  test('a commit that has waited too long for a savepoint of ours takes its connection with it', async () => {
    let finish = () => {}
    let held: Promise<unknown> = Promise.resolve()
    let ours: ReturnType<typeof borrowed> | undefined
    const over = sql.begin(async tx => {
      ours = borrowed(tx, { checkoutTimeoutMs: 150 })
      const { db } = ours
      await new Promise<void>(resolve => {
        held = db.host.savepoint(async () => {
          await db.host('notes').insert({ body: 'never kept' })
          resolve()
          await new Promise<void>(resolve => void (finish = resolve))
        })
        held.catch(() => {})
      })
    })
    await expect(over).rejects.toMatchObject({ code: 'EL_HOST_WAITED' })
    finish()
    await expect(held).rejects.toThrow()
    await ours?.[Symbol.asyncDispose]()
    expect(await sql`select 1 one`).toEqual([{ one: 1 }])
    expect(await outside()).toEqual([])
  })

  test('a connection that is lost', async () => {
    // Not released: postgres.js would give it to its next user, without a socket.
    const reserved = await sql.reserve()
    await reserved`begin`
    await using ours = borrowed(reserved)
    const { knex, db } = ours
    await knex('notes')
    const [{ pid }] = await knex.select(knex.raw('pg_backend_pid() pid'))
    const codeOf = (one: PromiseLike<unknown>) =>
      one.then(yes, (error: Error & { code?: string }) => error.code)
    let inside: PromiseLike<unknown> = Promise.resolve()
    const running = codeOf(
      db.host.savepoint(async () => {
        inside = codeOf(later(1, () => reserved`select 'inside'`))
        await db.host.query('select pg_sleep(5)')
      }),
    )
    const asleep = () => database.admin('select wait_event from pg_stat_activity where pid = $1', [pid])
    await eventually(asleep, [{ wait_event: 'PgSleep' }])
    const attempts = [running, codeOf(reserved`select 'waits'`), codeOf(knex('notes'))]
    await later(2, async () => {})
    await database.admin('select pg_terminate_backend($1)', [pid])
    expect(await Promise.all(attempts)).toEqual([
      'EL_CONNECTION_LOST',
      'CONNECTION_CLOSED',
      'EL_NO_HOST_CONNECTION',
    ])
    expect(await inside).toBe('CONNECTION_CLOSED')
    await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    await expect(connectionOf(reserved)).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    expect(await sql`select 1 one`).toEqual([{ one: 1 }])
    await db.end()
  })

  test('what is no transaction is named', async () => {
    await expect(connectionOf(sql)).rejects.toThrow(/sql of a pool.*give the one that begin\(\) hands/)
    await expect(connectionOf({} as never)).rejects.toThrow(/given no sql of postgres\.js/)
    await sql.begin(async tx => {
      await using ours = borrowed(tx)
      const client = (await connectionOf(tx)) as unknown as pg.Client
      await expect(
        new Promise((resolve, reject) => {
          const callback = (error: Error | null) => (error ? reject(error) : resolve(1))
          client.query(new pg.Query({ text: 'select 1', callback } as never))
        }),
      ).rejects.toThrow(/only pg-cursor and pg-query-stream/)
      expect(await ours.knex('notes')).toEqual([])
    })
  })
})

const yes = () => true
const no = () => false

async function later<T>(turns: number, work: () => Promise<T> | PromiseLike<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => void setImmediate(resolve))
  return work()
}
