import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { serveAll, type Handler } from '../testing/watched-app.ts'
import { expectTruth } from '../testing/watched-truth.ts'

const FILE = 'server-lib/watch/drizzle.test.ts'

const t = pgTable('t', { id: serial('id').primaryKey(), name: text('name') })
const v = pgTable('v', { pid: integer('pid') })

let database: TestDatabase
const connect = () =>
  drizzle({ client: new pg.Pool({ connectionString: database.url, max: 3 }), schema: { t, v } })
let db: ReturnType<typeof connect>
let engines: { close(): Promise<unknown> }

beforeAll(async () => {
  database = await createDatabase(`
    create table t (id serial primary key, name text);
    create view v as select pg_backend_pid() as pid;
  `)
  db = connect()
  engines = createEngines({ main: engine()({ pool: db.$client }) })
})
afterAll(async () => {
  await engines.close()
  await db.$client.end()
  await expectQuiet(database)
  await expectBackends(database, 0)
  await database.drop()
})

/** The backend's own pid, and the mark. */
const as = (mark: string) => ({ pid: v.pid, mark: sql<string>`${sql.raw(`'${mark}'`)}`.as('mark') })

const handlers: Record<string, Handler> = {
  awaited: async mark => {
    const rows = await db.select(as(mark())).from(v)
    return rows
  },
  late: async mark => {
    await sleep(3)
    const rows = await db.select(as(mark())).from(v).limit(1)
    return rows
  },
  all: async mark => {
    await sleep(1)
    return Promise.all([db.select(as(mark())).from(v), db.select(as(mark())).from(v).limit(2)])
  },
  then: async mark => {
    const query = (text: string) => db.execute(sql.raw(text))
    return query(`select ${mark.columns()}`).then(({ rows }) => rows)
  },
  returned: async mark => {
    const list = async (at: string) => {
      await sleep(1)
      return db.select(as(at)).from(v)
    }
    const rows = await list(mark())
    return rows
  },
  insert: async mark => {
    const inserting = db.insert(t).values({ name: 'x' })
    await inserting.returning({ mark: sql.raw(`'${mark()}'`) })
  },
  execute: async mark => {
    const { rows } = await db.execute(sql.raw(`select ${mark.columns()}`))
    return rows
  },
  prepared: async mark => {
    const rows = await db.select(as(mark())).from(v).prepare(mark()).execute()
    return rows
  },
  relational: async mark => {
    const named = (name: string) => ({ extras: { mark: sql<string>`${sql.raw(`'${name}'`)}`.as('mark') } })
    const row = await db.query.v.findFirst(named(mark()))
    return row
  },
  transaction: async mark =>
    db.transaction(async tx => {
      await tx.insert(t).values({ name: 'y' })
      const rows = await tx.select(as(mark())).from(v)
      await tx.transaction(async deep => void (await deep.delete(t)))
      return rows
    }),
  failing: async mark => {
    const failing = async () => {
      await db.execute(sql.raw(`select nothing /* ${mark()} */`))
    }
    await expect(failing()).rejects.toMatchObject({ cause: { code: '42703' } })
  },
}

test('with ENGINELIGHT_DISABLE_AWAIT_LINES=1 the line of an await is never looked for', async () => {
  vi.stubEnv('ENGINELIGHT_DISABLE_AWAIT_LINES', '1')
  const observed = await serveAll(engines, { awaited: handlers.awaited as Handler })
  expect(expectTruth(observed, FILE, { lines: false }).map(one => one.line)).toEqual([null, null, null])
})

test('statements of thenables have request and pid from the first, and lines after the first ones', async () => {
  // Something listens all the time, as a panel does.
  const { stop } = listen('statement')
  const warmUp = await serveAll(engines, { awaited: handlers.awaited as Handler }, { times: 1 })
  expectTruth(warmUp, FILE, { lines: false })
  const fresh = await serveAll(engines, {
    awaited: handlers.awaited as Handler,
    all: handlers.all as Handler,
  })
  expect(fresh.errors).toEqual({})
  expect(expectTruth(fresh, FILE)).toHaveLength(9)
  // A returned thenable needs the further reach, which is switched on by the first statement without a line.
  expectTruth(await serveAll(engines, handlers, { times: 1 }), FILE, { lines: false })
  const observed = await serveAll(engines, handlers)
  stop()
  expect(observed.errors).toEqual({})
  const told = expectTruth(observed, FILE)
  const names = new Set(told.map(({ mark }) => mark.split('-')[0]))
  expect([...names].toSorted()).toEqual(Object.keys(handlers).toSorted())
  // begin, savepoint, commit and what carries no mark
  const statements = observed.messages.filter(one => one.channel === 'enginelight:statement')
  for (const one of statements) if (one.phase === 'start') expect(one.site?.label, one.text).toContain(FILE)
})
