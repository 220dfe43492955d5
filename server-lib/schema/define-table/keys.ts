import type { Knex } from 'knex'
import type { CheckedTable } from './definition.ts'
import { checkColumn, misuse } from './misuse.ts'
import { ordered, paged, rowsOf, whereAny, type RunsBuilders } from './query.ts'

/** Which rows, by which column. */
export interface WantedKeys {
  readonly ids: readonly unknown[]
  /** Default: the primary key. */
  readonly idColumn: string | undefined
  readonly limit?: number
}

/** The rows with these keys, in primary key order. Without keys there is no query. */
export async function byKeys<Row>(
  finder: string,
  table: CheckedTable,
  on: RunsBuilders,
  { ids, idColumn, ...page }: WantedKeys,
): Promise<Row[]> {
  if (idColumn !== undefined) checkColumn(table, idColumn)
  const columns = idColumn === undefined ? table.primaryKey : [idColumn]
  const keys = ids.map(id => keyOf(finder, table, columns, id))
  if (keys.length === 0) return []
  const found = rowsOf(table, on)
  if (keys.length === 1)
    for (const [at, column] of columns.entries()) found.where(column, keys[0]![at] as never)
  else if (columns.length === 1) whereAny(found, columns[0]!, keys.flat())
  else whereAnyOf(table, found, columns, keys)
  return paged(ordered(table, found), page)
}

/**
 * Sends one parameter for each column, however many keys. Written out, each key would be an `or`, which is slow and
 * soon too much for the server's stack. The empty arrays have the columns' types, which the parameters then get.
 */
function whereAnyOf(
  { name }: CheckedTable,
  found: Knex.QueryBuilder,
  columns: readonly string[],
  keys: readonly unknown[][],
): void {
  const names = columns.map(() => '??').join(', ')
  const lists = columns.map(() => 'array(select ?? from ?? limit 0) || ?').join(', ')
  const values = columns.flatMap((column, at) => [column, name, keys.map(key => key[at])])
  found.whereRaw(`(${names}) in (select * from unnest(${lists}))`, [...columns, ...values] as never)
}

function keyOf(finder: string, table: CheckedTable, columns: readonly string[], id: unknown): unknown[] {
  const values =
    columns.length === 1 && !isPlain(id)
      ? [id]
      : columns.map(column => (isPlain(id) && Object.hasOwn(id, column) ? id[column] : undefined))
  const missing = columns.find((_, at) => values[at] === undefined || values[at] === null)
  if (missing === undefined) return values
  throw misuse(
    finder,
    table,
    columns.length === 1
      ? `was given no value for ${missing}.`
      : `needs all of the primary key, { ${columns.join(', ')} }: ${missing} is missing.`,
    'id',
  )
}

/** An object that names columns, and not a Date or Buffer, which may be a key's value. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
