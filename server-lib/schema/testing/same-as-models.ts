import { expect } from 'vitest'
import { drift } from '../drift/index.ts'
import { reflect } from '../reflect/index.ts'
import type { ModelSchema, Schema } from '../table.ts'
import { connect } from './connect.ts'

/** What a host has created in the schemas that the host tests use. */
export async function reflectedAt(url: string): Promise<Schema> {
  await using connection = await connect(url)
  return await reflect(connection.client, { schemas: ['public', 'shop'] })
}

/** Expects the models to describe what the host made of them: tables, column types and enums. */
export function expectSame(models: ModelSchema, reflected: Schema): void {
  expect(drift(reflected, models)).toEqual([])
  expect(models.unknownTypes).toEqual([])
  expect(tableNames(models)).toEqual(tableNames(reflected))
  expect(models.enums).toEqual(reflected.enums)
  expect(columnTypes(models)).toEqual(columnTypes(reflected))
}

/** TypeORM's table for what a catalogue lacks: the expressions of generated columns and views. */
const isOfUsers = ({ name }: { name: string }) => name !== 'typeorm_metadata'

const tableNames = ({ tables }: Schema) =>
  tables.filter(isOfUsers).map(({ schema, name }) => `${schema}.${name}`)

/** Sorted by name: a host may create columns in another order than it lists them in. */
const columnTypes = ({ tables }: Schema) =>
  tables
    .filter(isOfUsers)
    .map(({ columns }) =>
      columns
        .map(({ name, type, typeName, isArray }) => ({ name, type, typeName, isArray }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    )
