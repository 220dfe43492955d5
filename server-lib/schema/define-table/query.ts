import type { Knex } from 'knex'
import { EnginelightError } from '../../channels/errors.ts'
import type { CheckedTable } from './definition.ts'
import type { Page } from './page.ts'

/** What a finder runs on: a session of any access, or a knex or knex transaction. */
export interface RunsBuilders {
  (table: any): unknown
  raw(sql: string, bindings?: any): unknown
}

export type Direction = 'asc' | 'desc'

/** A query for these columns of all rows. Throws EL_CONFIG if no query can be made on it. */
export function rowsOf(
  table: CheckedTable,
  on: RunsBuilders,
  columns: readonly string[] = table.columns,
): Knex.QueryBuilder {
  if (typeof on !== 'function') {
    throw new EnginelightError(
      'EL_CONFIG',
      `A finder of ${table.name} runs on a session or a knex, which it takes first: db.main, and not db or a client of pg.`,
      { option: 'on' },
    )
  }
  return (on(table.name) as Knex.QueryBuilder).select(...columns)
}

/** Appends the missing primary key columns to the order, so that it is definite. */
export function ordered(
  { primaryKey }: CheckedTable,
  found: Knex.QueryBuilder,
  direction: Direction = 'asc',
  already: readonly string[] = [],
): Knex.QueryBuilder {
  for (const column of primaryKey) if (!already.includes(column)) found.orderBy(column, direction)
  return found
}

/** Runs the query, with this page's offset and limit. */
export async function paged<Row>(found: Knex.QueryBuilder, { offset = 0, limit }: Page): Promise<Row[]> {
  if (offset > 0) found.offset(offset)
  if (limit !== undefined) found.limit(limit)
  return (await found) as Row[]
}

/** Keeps the rows that have one of these values. They are one parameter, of which a statement has at most 65,535. */
export function whereAny(found: Knex.QueryBuilder, column: string, values: readonly unknown[]): void {
  found.whereRaw('?? = any (?)', [column, values as never])
}
