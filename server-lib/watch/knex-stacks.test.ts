import knexFactory, { type Knex } from 'knex'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { listen } from '../testing/story.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('create table t (id int)')
})
afterAll(() => database.drop())

/** Deeper than V8's default limit. */
const deep = (depth: number, work: () => Promise<unknown>): Promise<unknown> =>
  depth === 0 ? work() : deep(depth - 1, work)

type Run = (knex: Knex) => PromiseLike<unknown>

/** In each of them knex captures a stack: the awaited statement fails on the server. */
const WAYS: Record<string, Run> = {
  'knex(table)': knex => knex('nope').select('*'),
  'knex.select': knex => knex.select('*').from('nope'),
  'knex.with': knex => knex.with('w', knex('nope')).select('*').from('w'),
  'knex.queryBuilder': knex => knex.queryBuilder().from('nope'),
  'knex.raw': knex => knex.raw('select * from nope'),
  'knex.schema': knex => knex.schema.renameTable('nope', 'nope2'),
  'knex.schema.raw': knex => knex.schema.raw('selec'),
  'knex.withUserParams': knex => knex.withUserParams({}).raw('selec'),
  'knex.batchInsert': knex => knex.batchInsert('nope', [{ id: 1 }, { id: 2 }], 1),
  'a clone': knex => knex('nope').clone(),
  'a clone of a clone': knex => knex('nope').clone().where({ id: 1 }).clone(),
  'deep down': knex => deep(30, async () => knex('nope')),
  'deep down, raw': knex => deep(30, async () => knex.raw('selec')),
  'in a transaction': knex => knex.transaction(trx => trx('nope')),
  'in a transaction, raw': knex => knex.transaction(async trx => trx.raw('selec')),
  'in a transaction, schema': knex => knex.transaction(trx => trx.schema.dropTable('nope')),
  'in a transaction, deep down': knex => knex.transaction(trx => deep(30, async () => trx('nope'))),
  'in a nested transaction': knex =>
    knex.transaction(trx => trx.transaction(nested => nested('nope').clone())),
  'in a promised transaction': async knex => {
    const trx = await knex.transaction()
    try {
      await trx('nope')
    } finally {
      await trx.rollback()
    }
  },
  'by transacting(trx)': knex => knex.transaction(trx => knex('nope').transacting(trx)),
  'by a transaction provider': async knex => {
    const trx = await knex.transactionProvider()()
    try {
      await trx.raw('selec')
    } finally {
      await trx.rollback()
    }
  },
  'an error of the application in a transaction': knex =>
    knex.transaction(() => {
      throw new Error('mine')
    }),
}

async function stacksOf(knex: Knex): Promise<Record<string, string>> {
  const stacks: Record<string, string> = {}
  for (const [name, run] of Object.entries(WAYS)) {
    try {
      await run(knex)
    } catch (error) {
      stacks[name] = (error as Error).stack ?? ''
    }
  }
  return stacks
}

test('with asyncStackTraces the stack of each error is as without watching', async () => {
  const limit = Error.stackTraceLimit
  await using knex = ending(
    knexFactory({
      client: 'pg',
      connection: database.url,
      asyncStackTraces: true,
      pool: { min: 0, max: 2 },
    }),
  )
  let engines: { close(): Promise<unknown> } | undefined
  let early: Knex.QueryBuilder | undefined
  let stop = () => {}
  const phases = {
    stock: () => {},
    watched() {
      engines = createEngines({ main: engine()({ knex }) })
      early = knex('nope')
    },
    heard: () => void ({ stop } = listen()),
    async closed() {
      stop()
      await engines?.close()
    },
  }
  const stacks: Record<string, Record<string, string>> = {}
  for (const [name, begin] of Object.entries(phases)) {
    await begin()
    // Called from one line of this file, which stands in the stacks.
    stacks[name] = await stacksOf(knex)
  }
  const { stock } = stacks
  expect(Object.keys(stock ?? {})).toEqual(Object.keys(WAYS))
  for (const name of Object.keys(phases)) expect(stacks[name], name).toEqual(stock)
  // A builder made before `close()` may be cloned after it.
  await expect(early?.clone()).rejects.toMatchObject({ stack: expect.stringContaining('knex-stacks.test') })
  expect(Error.stackTraceLimit).toBe(limit)
})
