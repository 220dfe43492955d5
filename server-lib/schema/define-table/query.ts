import type { Knex } from 'knex'
import type { CheckedTable } from './definition.ts'
import type { Page } from './page.ts'

/** Where a finder runs: a session of any access, or a knex or knex transaction. */
export interface RunsBuilders {
  (table: any): unknown
  raw(sql: string, bindings?: any): unknown
}

export type Direction = 'asc' | 'desc'

/** A query for these columns of all rows. */
export function rowsOf(
  table: CheckedTable,
  on: RunsBuilders,
  columns: readonly string[] = table.columns,
): Knex.QueryBuilder {
  return (on(table.name) as Knex.QueryBuilder).select(...columns)
}

/** Ends its order with the primary key, so that no two rows are left open. */
export function ordered(
  { primaryKey }: CheckedTable,
  found: Knex.QueryBuilder,
  direction: Direction = 'asc',
): Knex.QueryBuilder {
  for (const column of primaryKey) found.orderBy(column, direction)
  return found
}

/** Runs it. */
export async function paged<Row>(found: Knex.QueryBuilder, { offset = 0, limit }: Page): Promise<Row[]> {
  if (offset > 0) found.offset(offset)
  if (limit !== undefined) found.limit(limit)
  return (await found) as Row[]
}
