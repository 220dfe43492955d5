import 'reflect-metadata'
import { setTimeout as sleep } from 'node:timers/promises'
import { DataSource, EntitySchema } from 'typeorm'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { serveAll, type Handler } from '../testing/watched-app.ts'
import { expectTruth } from '../testing/watched-truth.ts'

const FILE = 'server-lib/watch/typeorm.test.ts'

interface Person {
  id: number
  name: string
  dogs?: Dog[]
}
interface Dog {
  id: number
  name: string
  person?: Person
}
const PersonEntity = new EntitySchema<Person>({
  name: 'person',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
  relations: { dogs: { type: 'one-to-many', target: 'dog', inverseSide: 'person', cascade: true } },
})
const DogEntity = new EntitySchema<Dog>({
  name: 'dog',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
  relations: { person: { type: 'many-to-one', target: 'person', inverseSide: 'dogs' } },
})

let database: TestDatabase
let source: DataSource
let engines: { close(): Promise<unknown> }

beforeAll(async () => {
  database = await createDatabase(`
    create table person (id serial primary key, name text);
    create table dog (id serial primary key, name text, "personId" int references person);
    insert into person (name) values ('ann');
  `)
  source = new DataSource({
    type: 'postgres',
    url: database.url,
    entities: [PersonEntity, DogEntity],
    poolSize: 3,
  })
  await source.initialize()
  const { master } = source.driver as unknown as { master: pg.Pool }
  engines = createEngines({ main: engine()({ pool: master }) })
})
afterAll(async () => {
  await engines.close()
  await source.destroy()
  await expectQuiet(database)
  await expectBackends(database, 0)
  await database.drop()
})

const people = () => source.getRepository(PersonEntity)

const handlers: Record<string, Handler> = {
  query: async mark => source.query(`select ${mark.columns()}`),
  late: async mark => {
    await sleep(2)
    const rows = await source.query(`select ${mark.columns()}`)
    return rows
  },
  builder: async mark => {
    const query = people().createQueryBuilder('p').select('pg_backend_pid()', 'pid')
    const rows = await query.comment(mark()).getRawMany()
    expect(rows[0].pid).toBeGreaterThan(0)
  },
  find: async mark => {
    const found = await people().find({ comment: mark(), relations: { dogs: true }, take: 2 })
    expect(found.length).toBeGreaterThan(0)
  },
  transaction: async mark => {
    const both = await source.transaction(async manager => {
      await manager.save(PersonEntity, { name: 'bob', dogs: [{ id: undefined as never, name: 'rex' }] })
      const rows = await manager.query(`select ${mark.columns()}`)
      const inner = await manager.transaction(async nested => nested.query(`select ${mark.columns()}`))
      return [rows, inner]
    })
    return both
  },
  failing: async mark => {
    try {
      await source.transaction(async manager => {
        await manager.query(`select nothing /* ${mark()} */`)
      })
    } catch (error) {
      expect(error).toMatchObject({ code: '42703' })
    }
  },
  runner: async mark => {
    const runner = source.createQueryRunner()
    await runner.startTransaction()
    const rows = await runner.query(`select ${mark.columns()}`)
    await runner.rollbackTransaction()
    await runner.release()
    return rows
  },
  stream: async mark => {
    const runner = source.createQueryRunner()
    const rows: unknown[] = []
    const stream = await runner.stream(`select ${mark.columns()}`)
    for await (const row of stream) rows.push(row)
    await runner.release()
    return rows
  },
}

test('everything that a TypeORM does is told with its request, connection and line', async () => {
  const observed = await serveAll(engines, handlers)
  expect(observed.errors).toEqual({})
  const told = expectTruth(observed, FILE)
  const names = new Set(told.map(({ mark }) => mark.split('-')[0]))
  expect([...names].toSorted()).toEqual(Object.keys(handlers).toSorted())
  // START TRANSACTION, the cascade's inserts, COMMIT: deep inside of TypeORM, but the line is the application's.
  const statements = observed.messages.filter(one => one.channel === 'enginelight:statement')
  for (const one of statements) if (one.phase === 'start') expect(one.site?.label, one.text).toContain(FILE)
})

test('where the application has returned the promise and waits nowhere, the line is unknown and said to be', async () => {
  const observed = await serveAll(engines, { gone: async () => source.transaction(async () => []) })
  expect(observed.errors).toEqual({})
  const begins = observed.messages.filter(one => 'text' in one && one.text === 'START TRANSACTION')
  expect(begins.map(one => 'site' in one && one.site)).toEqual([null, null, null])
  expectTruth(observed, FILE)
})
