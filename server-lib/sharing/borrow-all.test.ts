import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { openHost, type TestHost } from '../testing/host.ts'
import { borrowAll } from './index.ts'

let database: TestDatabase
let hosts: TestHost[]

beforeAll(async () => {
  database = await createDatabase('create table notes (id serial primary key, body text not null)')
  hosts = [openHost(database), openHost(database)]
})
afterAll(async () => {
  for (const host of hosts) await host.close()
  await expectQuiet(database)
  await database.drop()
})

test('each database of the host is found by its name, on its own connection', async () => {
  const [first, second] = hosts as [TestHost, TestHost]
  const borrowed = borrowAll({
    default: { connection: () => first.current },
    replica: { connection: () => second.current, access: 'read' },
  })
  const { getEngine } = borrowed
  expect(getEngine()).toBe(getEngine('default'))
  await first.begin()
  await second.begin()
  await getEngine().knex('notes').insert({ body: 'a' })
  expect(await getEngine('replica').knex('notes')).toEqual([])
  await expect(getEngine('replica').knex('notes').insert({ body: 'b' })).rejects.toMatchObject({
    code: '25006',
  })
  await using engines = createEngines({ ...borrowed.definitions })
  await using db = engines.open()
  expect(await db.default('notes').pluck('body')).toEqual(['a'])
  expect(engines.get('replica').description).toMatchObject({ source: 'borrowed', access: 'read' })
  await db.end()
  await engines.close()
  await first.commit()
  await second.commit()
})

test('a name that the host does not have is told with those that it has', () => {
  const { getEngine } = borrowAll({ default: { connection: () => null } })
  expect(() => getEngine('other' as never)).toThrow('The host has no database "other"; there are default.')
  expect(() => borrowAll({})).toThrow(/at least one/)
  expect(() => borrowAll({ default: {} as never })).toThrow(/option connection must be a function/)
})
