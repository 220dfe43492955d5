import { setTimeout as sleep } from 'node:timers/promises'
import knexFactory, { type Knex } from 'knex'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { serveAll, type Handler } from '../testing/watched-app.ts'
import { expectTruth } from '../testing/watched-truth.ts'

const FILE = 'server-lib/watch/knex.test.ts'

let database: TestDatabase
let knex: Knex
let engines: { close(): Promise<unknown> }

beforeAll(async () => {
  database = await createDatabase(`
    create table t (id serial primary key, name text unique);
    create view v as select pg_backend_pid() as pid;
  `)
  knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 3 } })
  engines = createEngines({ main: engine()({ knex }) })
})
afterEach(() => expectQuiet(database))
afterAll(async () => {
  await engines.close()
  await knex.destroy()
  await expectBackends(database, 0)
  await database.drop()
})

const own = (text: string) => knex.raw(text)

const handlers: Record<string, Handler> = {
  builder: async mark => knex('v').select(own(mark.columns())),
  raw: async mark => (await knex.raw(`select ${mark.columns()}`)).rows,
  first: async mark => knex('v').first(own(mark.columns())),
  where: async mark => {
    await sleep(2)
    const some = knex('t').select('id')
    return knex('v').select(own(mark.columns())).whereNotIn('pid', some).limit(1)
  },
  parallel: async mark =>
    Promise.all([
      knex('v').select(own(mark.columns())),
      knex('v').first(own(mark.columns())),
      knex.raw(`select ${mark.columns()}`),
    ]),
  clone: async mark => {
    const base = knex('v')
    await sleep(1)
    return base.clone().select(own(mark.columns())).clone().limit(1)
  },
  insert: async mark => {
    const name = mark()
    return knex('t').insert({ name }).returning(own(mark.columns()))
  },
  schema: async mark => {
    await knex.schema.raw(`select '${mark()}'`)
    return knex.schema.hasTable('t')
  },
  asCallback: mark =>
    new Promise((resolve, reject) => {
      const answer = (error: unknown, rows: unknown) => (error ? reject(error as Error) : resolve(rows))
      void knex('v').select(own(mark.columns())).asCallback(answer)
    }),
  failing: async mark => {
    await knex.raw(`select nothing /* ${mark()} */`).catch(() => {})
    return knex.raw(`select ${mark.columns()}`)
  },
  timeout: async mark => {
    const slow = knex.raw(`select pg_sleep(0.2), ${mark.columns()}`).timeout(20)
    await expect(slow).rejects.toMatchObject({ name: 'KnexTimeoutError' })
  },
  container: async mark => {
    return knex.transaction(async trx => {
      await trx('t').insert({ name: mark() })
      return trx('v').select(own(mark.columns()))
    })
  },
  promised: async mark => {
    const trx = await knex.transaction()
    const rows = await knex('v').select(own(mark.columns())).transacting(trx)
    await trx.commit()
    return rows
  },
  provider: async mark => {
    const provide = knex.transactionProvider()
    const trx = await provide()
    const rows = await trx('v').select(own(mark.columns()))
    await trx.rollback()
    return rows
  },
  nested: async mark => {
    const rolledBack = new Error('inner')
    return knex.transaction(async trx => {
      const inner = trx.transaction(async deep => {
        await deep('t').insert({ name: mark() })
        throw rolledBack
      })
      await expect(inner).rejects.toBe(rolledBack)
      return trx('v').first(own(mark.columns()))
    })
  },
  failed: async mark => {
    const transaction = knex.transaction(async trx => {
      await trx.raw(`select nothing /* ${mark()} */`)
    })
    await expect(transaction).rejects.toMatchObject({ code: '42703' })
    return knex.raw(`select ${mark.columns()}`)
  },
}

/** Tested apart: knex 3.3 can release a stream's connection twice, and then two hold it. */
const streams: Record<string, Handler> = {
  stream: async mark => {
    const rows: unknown[] = []
    for await (const row of knex('v').select(own(mark.columns())).stream()) rows.push(row)
    return rows
  },
  broken: async mark => {
    const stream = knex.raw(`select ${mark.columns()}, n from generate_series(1, 5000) n`).stream()
    for await (const row of stream) return row
    return undefined
  },
}

test('everything that a knex does outside of sessions is told with its request, connection and line', async () => {
  const observed = await serveAll(engines, handlers)
  expect(observed.errors).toEqual({})
  const told = expectTruth(observed, FILE)
  const names = new Set(told.map(({ mark }) => mark.split('-')[0]))
  expect([...names].toSorted()).toEqual(Object.keys(handlers).toSorted())
  expect(told.every(({ request }) => request !== null)).toBe(true)
  await database.admin('truncate t')
})

test('streams, read and broken off', async () => {
  const observed = await serveAll(engines, streams, { times: 1 })
  expect(observed.errors).toEqual({})
  expect(expectTruth(observed, FILE)).toHaveLength(2)
})
