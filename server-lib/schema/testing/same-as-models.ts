import { expect } from 'vitest'
import { drift } from '../drift/index.ts'
import { reflect } from '../reflect/index.ts'
import type { ModelSchema, Schema } from '../table.ts'
import { connect } from './connect.ts'

/** What a host has created in the schemas that the tests of hosts are in. */
export async function reflectedAt(url: string): Promise<Schema> {
  await using connection = await connect(url)
  return await reflect(connection.client, { schemas: ['public', 'shop'] })
}

/** Expects the models to say what the host made of them, in the same words: tables, types of columns and enums. */
export function expectSame(models: ModelSchema, reflected: Schema): void {
  expect(drift(reflected, models)).toEqual([])
  expect(models.unknownTypes).toEqual([])
  expect(tableNames(models)).toEqual(tableNames(reflected))
  expect(models.enums).toEqual(reflected.enums)
  expect(columnTypes(models)).toEqual(columnTypes(reflected))
}

/** Where TypeORM keeps what a catalogue does not: the expressions of generated columns and views. */
const isOfUsers = ({ name }: { name: string }) => name !== 'typeorm_metadata'

const tableNames = ({ tables }: Schema) =>
  tables.filter(isOfUsers).map(({ schema, name }) => `${schema}.${name}`)

/** In the order of names: a host may create columns in another order than it lists them in. */
const columnTypes = ({ tables }: Schema) =>
  tables
    .filter(isOfUsers)
    .map(({ columns }) =>
      columns
        .map(({ name, type, typeName, isArray }) => ({ name, type, typeName, isArray }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    )
