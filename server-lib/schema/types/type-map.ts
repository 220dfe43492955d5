import { EnginelightError } from '../../channels/errors.ts'
import type { Column, Schema, Table } from '../table.ts'
import type { ValueType } from './value-types.ts'

/**
 * Your own types, as TypeScript writes them. The key is a PostgreSQL type's name (`int8`, `jsonb`, `mood`; for an array
 * its element type with `[]`), a column (`orders.details`) or a column with its schema (`shop.orders.details`); the
 * most specific wins. One text serves reading and writing, or each has its own.
 */
export type TypeMap = Readonly<Record<string, string | { readonly read: string; readonly write?: string }>>

/** Throws EL_CONFIG for a value that is not a type, and for an unknown column, which would silently do nothing. */
export function checkTypeMap(map: TypeMap, { tables }: Schema): void {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    wrong('typeMap', 'typeMap must be an object, { "int8": "bigint" }.')
  }
  const columns = new Set(tables.flatMap(table => table.columns.flatMap(column => columnKeys(table, column))))
  for (const [key, entry] of Object.entries(map)) {
    const { read, write } = both(entry)
    if (typeof read !== 'string' || read.trim() === '' || typeof write !== 'string' || write.trim() === '') {
      wrong(key, `typeMap["${key}"] must be a type as TypeScript writes it, or { read, write }.`)
    }
    if (key.includes('.') && !columns.has(key)) {
      wrong(
        key,
        `typeMap has "${key}", and there is no such column. Keys are types (int8) and columns (orders.id).`,
      )
    }
  }
}

export function mappedType(map: TypeMap, table: Table, column: Column): ValueType | undefined {
  const domain = column.domain?.split('.').pop()
  const brackets = column.isArray ? '[]' : ''
  const typeNames = [...(domain === undefined ? [] : [domain]), column.typeName].map(name => name + brackets)
  const key = [...columnKeys(table, column), ...typeNames].find(key => Object.hasOwn(map, key))
  const entry = key === undefined ? undefined : map[key]
  return entry === undefined ? undefined : both(entry)
}

const columnKeys = ({ schema, name }: Table, column: Column): [string, string] => [
  `${schema}.${name}.${column.name}`,
  `${name}.${column.name}`,
]

const both = (entry: TypeMap[string]): ValueType =>
  typeof entry === 'string'
    ? { read: entry, write: entry }
    : { read: entry?.read, write: entry?.write ?? entry?.read }

function wrong(option: string, sentence: string): never {
  throw new EnginelightError('EL_CONFIG', sentence, { option })
}
