import type { Knex } from 'knex'
import { ANYTHING, oneOf, type Needs } from '../../channels/options.ts'
import type { CheckedTable } from './definition.ts'
import { checkColumn, misuse } from './misuse.ts'
import { PAGE, type Page } from './page.ts'
import { whereAny, type Direction } from './query.ts'

export type ColumnOf<Row> = keyof Row & string

export interface RangeOptions<Row> extends Page {
  /** One or more columns to sort by, the first one first. Default: the primary key. */
  readonly orderBy?: ColumnOf<Row> | readonly ColumnOf<Row>[]
  /** For all columns alike. Default `'asc'`. */
  readonly direction?: Direction
  /** False sorts texts as if they were lower-case; other types are sorted as usual. Default true. */
  readonly caseSensitive?: boolean
  /**
   * Which rows: values by column (null means null, a list means any of its items, null included), or a function that
   * gets knex's builder. A column that is itself a list needs the function.
   */
  readonly where?:
    | { readonly [Column in ColumnOf<Row>]?: Row[Column] | null | readonly Row[Column][] }
    | ((query: Knex.QueryBuilder) => void)
}

export const RANGE: Needs<RangeOptions<unknown>> = {
  orderBy: ANYTHING,
  // Checked, because it is written into the statement.
  direction: oneOf(['asc', 'desc']),
  caseSensitive: ANYTHING,
  where: ANYTHING,
  ...PAGE,
}

/**
 * Throws EL_UNKNOWN_COLUMN, and EL_CONFIG for a value that is undefined, or a `where` that is neither values nor a
 * function.
 */
export function checkFilter(table: CheckedTable, where: unknown): void {
  if (where === undefined || typeof where === 'function') return
  if (typeof where !== 'object' || where === null || Array.isArray(where)) {
    const sentence = `takes { column: value } as where, or a function that is given knex's builder.`
    throw misuse('getRange', table, sentence, 'where')
  }
  for (const [column, value] of Object.entries(where) as [string, unknown][]) {
    checkColumn(table, column)
    if (!(Array.isArray(value) ? value : [value]).includes(undefined)) continue
    throw misuse('getRange', table, `was given undefined for ${column}: pass null to find null.`, 'where')
  }
}

/** Keeps the rows that have these values. */
export function filter(found: Knex.QueryBuilder, where: object): void {
  for (const [column, value] of Object.entries(where) as [string, unknown][]) {
    if (value === null) found.whereNull(column)
    else if (Array.isArray(value)) filterList(found, column, value)
    else found.where(column, value as never)
  }
}

/** In SQL, nothing equals null, not even in a list. */
function filterList(found: Knex.QueryBuilder, column: string, values: readonly unknown[]): void {
  const there = values.filter(value => value !== null)
  found.where(either => {
    whereAny(either, column, there)
    if (there.length < values.length) void either.orWhereNull(column)
  })
}

/**
 * Only text has a case; other types would be sorted by their text form, 10 before 9. A domain has its base type's
 * category.
 */
export function orderByWithoutCase(found: Knex.QueryBuilder, column: string, direction: Direction): void {
  const isText = `(select typcategory = 'S' from pg_catalog.pg_type where oid = pg_typeof(??))`
  found.orderByRaw(`case when ${isText} then lower(??::text) end ${direction}`, [column, column])
}
