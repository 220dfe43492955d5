import { EnginelightError } from '../../channels/errors.ts'
import { checkKnexName } from '../knex-names.ts'
import type { Table } from '../table.ts'

/** What the finders need to know of a table. */
export interface TableDefinition<Row> {
  readonly name: string
  /** Default: none, so that the session's search path decides. */
  readonly schema?: string
  readonly primaryKey: (keyof Row & string) | readonly (keyof Row & string)[]
  readonly columns: readonly (keyof Row & string)[]
}

export interface CheckedTable {
  /** The name as knex takes it: `shop.users`. */
  readonly name: string
  readonly primaryKey: readonly string[]
  readonly columns: readonly string[]
}

/** Reads a definition, or a table of a schema. Throws EL_CONFIG for one that is unusable. */
export function checkedTable(of: TableDefinition<any> | Table): CheckedTable {
  const { name, schema } = of ?? {}
  if (typeof name !== 'string' || !Array.isArray(of.columns) || of.columns.length === 0) {
    throw wrong(
      'defineTable() takes { name, primaryKey, columns }, or a table of a schema that was reflected or read from models.',
      'table',
    )
  }
  const columns = of.columns.map(column => (typeof column === 'string' ? column : column.name))
  const key = keyOf(of)
  if (key.length === 0) {
    throw wrong(
      `${name} has no primary key, and rows without one have no order. Name its primaryKey.`,
      'primaryKey',
    )
  }
  const stranger = key.find(column => !columns.includes(column))
  if (stranger !== undefined) {
    throw wrong(
      `The primary key of ${name} has a column "${stranger}" that is not among its columns.`,
      'primaryKey',
    )
  }
  const twice = columns.find((column, at) => columns.indexOf(column) !== at)
  if (twice !== undefined) throw wrong(`${name} has the column "${twice}" twice.`, 'columns')
  checkKnexName('table', name)
  if (schema !== undefined) checkKnexName('schema', schema)
  for (const column of columns) checkKnexName('column', column)
  return { name: schema === undefined ? name : `${schema}.${name}`, primaryKey: key, columns }
}

function keyOf({ primaryKey }: TableDefinition<any> | Table): readonly string[] {
  if (typeof primaryKey === 'string') return [primaryKey]
  return isList(primaryKey) ? primaryKey : (primaryKey?.columns ?? [])
}

function isList<T>(value: readonly T[] | object | null | undefined): value is readonly T[] {
  return Array.isArray(value)
}

function wrong(sentence: string, option: string): EnginelightError {
  return new EnginelightError('EL_CONFIG', sentence, { option })
}
