import type { CheckedTable } from './definition.ts'
import { checkColumn, misuse } from './misuse.ts'
import { ordered, paged, rowsOf, type RunsBuilders } from './query.ts'

/** Which rows, by what. */
export interface WantedKeys {
  readonly ids: readonly unknown[]
  /** Default: the primary key. */
  readonly idColumn: string | undefined
  readonly limit?: number
}

/** The rows with these keys, in the order of the primary key. No keys, no query. */
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
  if (columns.length === 1) found.whereIn(columns[0]!, keys.flat() as never)
  else found.whereIn([...columns], keys as never)
  return paged(ordered(table, found), page)
}

function keyOf(finder: string, table: CheckedTable, columns: readonly string[], id: unknown): unknown[] {
  const values =
    columns.length === 1 && !isPlain(id)
      ? [id]
      : columns.map(column => (isPlain(id) ? (id as Record<string, unknown>)[column] : undefined))
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

/** An object that names columns: no Date, no Buffer, which may be a key's value. */
function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
