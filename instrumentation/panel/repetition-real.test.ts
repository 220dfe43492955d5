import 'reflect-metadata'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import knexOf, { type Knex } from 'knex'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { DataSource, EntitySchema } from 'typeorm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import type { Finding } from '../model/finding.ts'
import { addToBaseline } from './baseline-file.ts'
import type { PanelOptions } from './index.ts'
import { ownPanel, type OpenPanel } from './testing/panels.ts'

const FILE = 'instrumentation/panel/repetition-real.test.ts'

interface Order {
  id: number
  name: string
}
interface Item {
  id: number
  order_id: number
}
const OrderEntity = new EntitySchema<Order>({
  name: 'orders',
  columns: { id: { type: Number, primary: true }, name: { type: String } },
})
const ItemEntity = new EntitySchema<Item>({
  name: 'items',
  columns: { id: { type: Number, primary: true }, order_id: { type: Number } },
})
const items = pgTable('items', { id: integer('id').primaryKey(), order_id: integer('order_id') })
const orders = pgTable('orders', { id: integer('id').primaryKey(), name: text('name') })

let database: TestDatabase
let pool: pg.Pool
let knex: Knex
let source: DataSource
let kysely: Kysely<{ orders: Order; items: Item }>
const makeEngines = () =>
  createEngines({
    main: engine()({ pool, default: true }),
    plain: engine()({ knex }),
    orm: engine()({ pool: (source.driver as unknown as { master: pg.Pool }).master }),
    own: engine()({ connection: database.url, pool: { max: 3 } }),
  })
let engines: ReturnType<typeof makeEngines>
let panel: OpenPanel
const drizzled = () => drizzle({ client: pool, schema: { orders, items } })

beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id int primary key, name text);
    create table items (id int primary key, order_id int);
    create table log (id serial primary key, note text);
    create table counters (id int primary key, n int);
    create table ticks (n int);
    insert into orders select g, 'order ' || g from generate_series(1, 12) g;
    insert into items select g, g % 12 + 1 from generate_series(1, 600) g;
    insert into counters values (1, 0);
  `)
  pool = new pg.Pool({ connectionString: database.url, max: 6 })
  knex = knexOf({ client: 'pg', connection: database.url, pool: { min: 0, max: 6 } })
  kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
  source = new DataSource({
    type: 'postgres',
    url: database.url,
    entities: [OrderEntity, ItemEntity],
    poolSize: 4,
  })
  await source.initialize()
  engines = makeEngines()
})
afterAll(async () => {
  await engines.close()
  await Promise.all([pool.end(), knex.destroy(), source.destroy()])
  await expectQuiet(database)
  await database.drop()
})

const ITEMS = 'select * from items where order_id = $1'
const idsOf = async (): Promise<number[]> =>
  (await pool.query<Order>('select id from orders order by id')).rows.map(({ id }) => id)
const inTurn = async <T>(all: readonly T[], work: (one: T) => Promise<unknown>) => {
  for (const one of all) await work(one)
}
const ranged = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

/** A helper, as applications have it: all of its callers send from its line. */
const itemsOf = (order: number) => pool.query(ITEMS, [order])

const OF_REPETITION: ReadonlySet<Finding['kind']> = new Set([
  'n+1',
  'repeated sequence',
  'duplicate statements',
  'similar statements',
  'statement budget',
])

/** Runs it as a request, and returns what is found of that one. */
async function findingsOf(label: string, program: () => Promise<unknown>): Promise<Finding[]> {
  panel = await ownPanel({ engines })
  await engines.scope(program, { label })
  const asked = panel.findings().filter(({ sentence }) => sentence.startsWith(label))
  return asked.filter(({ kind }) => OF_REPETITION.has(kind))
}

type Program = readonly [
  name: string,
  run: () => Promise<unknown>,
  found: readonly (readonly [Finding['kind'], RegExp])[],
]

const SERIAL = /12 similar statements from one line, with different values, one after the other/
const programs: readonly Program[] = [
  // N+1, one after the other.
  [
    'pg, serial',
    async () => {
      for (const id of await idsOf()) await pool.query(ITEMS, [id])
    },
    [['n+1', SERIAL]],
  ],
  [
    'pg, literals in the text',
    async () => {
      for (const id of await idsOf()) await pool.query(`select * from items where order_id = ${id}`)
    },
    [['n+1', SERIAL]],
  ],
  [
    'pg, through a helper',
    async () => {
      for (const id of await idsOf()) await itemsOf(id)
    },
    [['n+1', SERIAL]],
  ],
  [
    'pg, one client in a transaction',
    async () => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const { rows } = await client.query<Order>('select * from orders')
        for (const { id } of rows) await client.query(ITEMS, [id])
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    [['n+1', SERIAL]],
  ],
  [
    'a session, serial',
    async () => {
      const db = engines.current
      const { rows } = await db.own.query<Order>('select * from orders')
      for (const { id } of rows) await db.own.query(ITEMS, [id])
    },
    [['n+1', SERIAL]],
  ],
  [
    'knex',
    async () => {
      for (const { id } of await knex<Order>('orders').select('id'))
        await knex('items').where({ order_id: id })
    },
    [['n+1', SERIAL]],
  ],
  [
    'knex in a transaction',
    () =>
      knex.transaction(async trx => {
        for (const { id } of await trx<Order>('orders').select('id'))
          await trx('items').where({ order_id: id }).first()
      }),
    [['n+1', SERIAL]],
  ],
  [
    'Drizzle',
    async () => {
      const db = drizzled()
      for (const { id } of await db.select().from(orders))
        await db.select().from(items).where(eq(items.order_id, id))
    },
    [['n+1', SERIAL]],
  ],
  [
    'Drizzle, relational',
    async () => {
      const db = drizzled()
      for (const id of await idsOf()) await db.query.items.findMany({ where: eq(items.order_id, id) })
    },
    // The first that needs the line of an await has none: the hook that finds it is put on for the next.
    [['n+1', /1[12] similar statements from one line, with different values, one after the other/]],
  ],
  [
    'Kysely',
    async () => {
      for (const { id } of await kysely.selectFrom('orders').selectAll().execute())
        await kysely.selectFrom('items').selectAll().where('order_id', '=', id).execute()
    },
    [['n+1', SERIAL]],
  ],
  [
    'Kysely, raw text in a transaction',
    () =>
      kysely.transaction().execute(async trx => {
        for (const id of ranged(12)) await sql`select * from items where order_id = ${id}`.execute(trx)
      }),
    [['n+1', SERIAL]],
  ],
  [
    'TypeORM',
    async () => {
      const repository = source.getRepository(ItemEntity)
      for (const { id } of await source.getRepository(OrderEntity).find())
        await repository.findBy({ order_id: id })
    },
    [['n+1', SERIAL]],
  ],
  [
    'TypeORM, saved one by one',
    async () => {
      const repository = source.getRepository(ItemEntity)
      for (const id of ranged(12)) await repository.insert({ id: 10_000 + id, order_id: id })
    },
    [['n+1', SERIAL]],
  ],
  [
    'writes, one by one',
    async () => {
      for (const id of ranged(12)) await pool.query('insert into log (note) values ($1)', [`note ${id}`])
    },
    [['n+1', /with different values, one after the other.*: write them at once/]],
  ],
  [
    'a nested loop',
    async () => {
      for (const order of ranged(3)) {
        await pool.query('select * from orders where id = $1', [order])
        for (const id of ranged(4)) await pool.query('select * from items where id = $1', [order * 10 + id])
      }
    },
    [['n+1', SERIAL]],
  ],
  // At once.
  [
    'pg, Promise.all',
    async () => {
      const ids = await idsOf()
      await Promise.all(
        ids.map(id => pool.query('select pg_sleep(0.01) from items where order_id = $1 limit 1', [id])),
      )
    },
    [
      [
        'n+1',
        /12 similar statements from one line, with different values, [2-6] at once on [2-6] connections/,
      ],
    ],
  ],
  [
    'a session, Promise.all',
    async () => {
      const db = engines.current
      await Promise.all(ranged(12).map(id => db.own.query(ITEMS, [id])))
    },
    [['n+1', /with different values, sent at once and queued on 1 connection/]],
  ],
  [
    'knex, Promise.all through a helper',
    async () => {
      const itemsWith = (id: number) => knex('items').where({ order_id: id })
      await Promise.all(ranged(12).map(id => itemsWith(id)))
    },
    [['n+1', /12 similar statements from one line, with different values, (?:\d at once|sent at once)/]],
  ],
  [
    'one client, all at once',
    async () => {
      const client = await pool.connect()
      try {
        await Promise.all(ranged(12).map(id => client.query(ITEMS, [id])))
      } finally {
        client.release()
      }
    },
    [['n+1', /sent at once and queued on 1 connection/]],
  ],
  // Several statements in turn.
  [
    'interleaved',
    async () => {
      for (const id of ranged(60)) {
        await pool.query('select name from orders where id = $1', [id])
        await pool.query(ITEMS, [id])
        await pool.query('select count(*) from items where order_id < $1', [id])
      }
    },
    [['repeated sequence', /180 similar statements, 3 in turn 60 times/]],
  ],
  [
    'interleaved, in transactions of their own',
    async () => {
      for (const id of ranged(8))
        await knex.transaction(async trx => {
          await trx('orders').where({ id }).first()
          await trx('log').insert({ note: `seen ${id}` })
        })
    },
    [['repeated sequence', /16 similar statements, 2 in turn 8 times/]],
  ],
  // The same again.
  [
    'duplicates in a loop',
    async () => {
      for (const _ of ranged(12)) await pool.query('select * from orders where id = $1', [1])
    },
    [['duplicate statements', /12 similar statements from one line, with the same values each time/]],
  ],
  [
    'duplicates without parameters, Promise.all',
    () => Promise.all(ranged(12).map(() => knex('orders').count())),
    [['duplicate statements', /12 similar statements from one line, with the same values each time/]],
  ],
  [
    'duplicates of two lines',
    async () => {
      await pool.query('select * from counters where id = $1', [1])
      await pool.query('select * from counters where id = $1', [1])
    },
    [['duplicate statements', /asked 1 time for what it had been told/]],
  ],
  // Legitimate.
  [
    'read again after a write',
    async () => {
      const read = () => pool.query('select * from counters where id = $1', [1])
      await read()
      await pool.query('update counters set n = n + 1 where id = 1')
      await read()
    },
    [],
  ],
  ['one INSERT with many rows', () => knex('log').insert(ranged(500).map(n => ({ note: `n${n}` }))), []],
  [
    'batchInsert',
    () =>
      knex.batchInsert(
        'log',
        ranged(500).map(n => ({ note: `b${n}` })),
        50,
      ),
    [],
  ],
  [
    'a cursor, read in steps',
    async () => {
      const client = await pool.connect()
      try {
        const cursor = client.query(new Cursor<Item>('select * from items'))
        while ((await cursor.read(50)).length > 0);
        await cursor.close()
      } finally {
        client.release()
      }
    },
    [],
  ],
  [
    'a cursor in SQL',
    async () => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query('declare c cursor for select * from items')
        for (const _ of ranged(12)) await client.query('fetch 50 from c')
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    [],
  ],
  [
    'pages of a result',
    async () => {
      for (let last = 0; ;) {
        const { rows } = await pool.query<Item>(
          'select * from items where id > $1 and id < 1000 order by id limit 50',
          [last],
        )
        last = rows.at(-1)?.id ?? 0
        if (rows.length < 50) break
      }
    },
    [],
  ],
  [
    'savepoints',
    () =>
      engines.current.own.savepoint(async () => {
        for (const _ of ranged(8)) await engines.current.own.savepoint(async () => {})
      }),
    [],
  ],
  [
    'a job that takes the next row',
    async () => {
      for (const _ of ranged(12))
        await pool.query('select * from log order by id limit 1 for update skip locked')
    },
    [],
  ],
  [
    'different statements',
    async () => {
      await inTurn(['orders', 'items', 'log', 'counters'], table =>
        pool.query(`select count(*) from ${table}`),
      )
      await pool.query('select * from orders where id = any($1)', [ranged(12)])
    },
    [],
  ],
]

test.each(programs)('%s', async (label, run, expected) => {
  const found = await findingsOf(label, run)
  expect(found.map(({ kind, sentence }) => [kind, sentence])).toEqual(
    expected.map(([kind, sentence]) => [kind, expect.stringMatching(sentence)]),
  )
  for (const { site } of found) expect(site).toContain(`${FILE}:`)
})

test('the rows that a loop was for are guessed, with their line', async () => {
  const [finding] = await findingsOf('the guess', async () => {
    for (const { id } of (await pool.query<Order>('select * from orders')).rows) await pool.query(ITEMS, [id])
  })
  expect(finding?.why).toMatch(
    /^Probably for the 12 rows of “select \* from orders” at .*repetition-real\.test\.ts:\d+\.$/,
  )
})

test('a retry that works at last is no repetition', async () => {
  const found = await findingsOf('the retry', async () => {
    for (const attempt of ranged(8)) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query('select * from orders where id = $1', [1])
        await client.query('select 1 / $1::int', [attempt === 8 ? 1 : 0]).catch(() => {})
        await client.query(attempt === 8 ? 'commit' : 'rollback')
      } finally {
        client.release()
      }
    }
  })
  expect(found.map(({ kind }) => kind)).not.toContain('duplicate statements')
  expect(found.map(({ kind }) => kind)).not.toContain('n+1')
})

test('5,000 statements: as many as the server has counted, and still one finding', async () => {
  const calls = async () =>
    Number(
      (
        await database.admin<{ n: string }>(
          `select coalesce(sum(seq_scan), 0) n from pg_stat_user_tables where relname = 'ticks'`,
        )
      )[0]!.n,
    )
  const before = await calls()
  const found = await findingsOf('five thousand', async () => {
    const client = await pool.connect()
    try {
      for (const n of ranged(5_000)) await client.query('select n from ticks where n <> $1', [n])
      await client.query('select pg_stat_force_next_flush()')
    } finally {
      client.release()
    }
  })
  expect(found).toMatchObject([{ kind: 'n+1', severity: 'warn' }])
  expect(found[0]!.sentence).toContain('sent 5,000 similar statements from one line, with different values')
  await expect.poll(async () => (await calls()) - before).toBe(5_000)
})

test('known findings are not told, new ones are, and a route has a budget', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-baseline-'))
  const path = join(folder, 'baseline.json')
  const listOrders = async () => {
    for (const id of ranged(8)) await pool.query(ITEMS, [id])
  }
  const listNames = async () => {
    for (const id of ranged(8)) await pool.query('select name from orders where id = $1', [id])
  }
  const told = async (options: PanelOptions, ...programs: (() => Promise<unknown>)[]) => {
    const own = await ownPanel({ engines, ...options })
    await engines.scope(async () => inTurn(programs, program => program()), { label: 'GET /orders/17' })
    const found = own.findings().filter(({ kind }) => OF_REPETITION.has(kind))
    await own.close()
    return found
  }
  const known = await told({ baseline: path }, listOrders)
  expect(known.map(({ place }) => place)).toEqual([{ statement: ITEMS, within: 'listOrders' }])
  addToBaseline(path, known)
  const written = await readFile(path, 'utf8')
  addToBaseline(path, known)
  expect(await readFile(path, 'utf8')).toBe(written)
  expect(written).toContain(FILE)
  expect(await told({ baseline: path }, listOrders)).toEqual([])
  const found = await told({ baseline: path, budgets: { 'GET /orders/:id': 15 } }, listOrders, listNames)
  expect(found.map(({ kind, place }) => [kind, place?.within])).toEqual([
    ['n+1', 'listNames'],
    ['statement budget', undefined],
  ])
  expect(found[1]!.sentence).toBe('GET /orders/17 sent 16 statements; the budget of GET /orders/:id is 15.')
  await writeFile(path, '{ "version": 7 }')
  await expect(ownPanel({ baseline: path })).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
  await expect(ownPanel({ baseline: folder })).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
  await expect(ownPanel({ budgets: { '*': 0 } })).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
  await expect(ownPanel({ budgets: [] as never })).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
  await rm(folder, { recursive: true })
})
