import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { reflect } from '../reflect/index.ts'
import { connect } from '../testing/connect.ts'
import { RICH_SCHEMA } from '../testing/rich-schema.ts'
import { drift } from './index.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase(RICH_SCHEMA)))
afterAll(() => database.drop())

test('a database has no drift from itself, whatever is in it and whatever the search path', async () => {
  await using connection = await connect(database.url)
  const here = await reflect(connection.client, { schemas: '*' })
  await connection.client.query('set search_path to shop, "Odd Names", public')
  const there = await reflect(connection.client, { schemas: '*' })
  expect(there).not.toEqual(here)
  for (const reflected of [here, there]) {
    expect(drift(reflected, here)).toEqual([])
  }
})

test('each table that is left out is told once, and nothing else', async () => {
  await using connection = await connect(database.url)
  const whole = await reflect(connection.client, { schemas: '*' })
  const tables = whole.tables.filter(({ partitionOf }) => partitionOf === null)
  expect(tables.length).toBeGreaterThan(5)
  for (const table of tables) {
    const models = { ...whole, unknownTypes: [], unsaid: [] }
    const without = { ...whole, tables: whole.tables.filter(other => other !== table) }
    expect(drift(without, models).map(({ kind, table: name }) => [kind, name])).toEqual([
      ['missing table', table.name],
    ])
  }
})

test('what is no schema is told', () => {
  const schema = { tables: [], enums: [] }
  for (const wrong of [undefined, Promise.resolve(schema), []]) {
    const error = expect.objectContaining({ code: 'EL_CONFIG', option: 'schema' })
    expect(() => drift(wrong as never, schema)).toThrow(error)
    expect(() => drift(schema, wrong as never)).toThrow(error)
  }
})
