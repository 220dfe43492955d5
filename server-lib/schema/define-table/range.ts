import type { Knex } from 'knex'
import type { CheckedTable } from './definition.ts'
import { checkColumn, misuse } from './misuse.ts'
import type { Page } from './page.ts'
import type { Direction } from './query.ts'

export type ColumnOf<Row> = keyof Row & string

export interface RangeOptions<Row> extends Page {
  /** A column, or several, in the order in which they decide. Default: the primary key. */
  readonly orderBy?: ColumnOf<Row> | readonly ColumnOf<Row>[]
  /** Of all columns alike. Default `'asc'`. */
  readonly direction?: Direction
  /** False sorts texts as if they were in small letters; other types are sorted as they are. Default true. */
  readonly caseSensitive?: boolean
  /** What the rows must have: values by column (null is null, a list is any of it), or a function that is given knex's builder. */
  readonly where?:
    | { readonly [Column in ColumnOf<Row>]?: Row[Column] | null | readonly Row[Column][] }
    | ((query: Knex.QueryBuilder) => void)
}

/** What an order may be in. Throws EL_CONFIG for another direction: it is written into the statement. */
export function checkDirection(table: CheckedTable, direction: Direction): void {
  if (direction === 'asc' || direction === 'desc') return
  throw misuse(
    'getRange',
    table,
    `has the directions asc and desc, and not ${String(direction)}.`,
    'direction',
  )
}

/** Throws EL_UNKNOWN_COLUMN, and EL_CONFIG for a value that is undefined. */
export function checkFilter(table: CheckedTable, where: object): void {
  for (const [column, value] of Object.entries(where)) {
    checkColumn(table, column)
    if (value !== undefined) continue
    throw misuse('getRange', table, `was given undefined for ${column}: null is what is null.`, 'where')
  }
}

/** Keeps the rows that have these values. */
export function filter(found: Knex.QueryBuilder, where: object): void {
  for (const [column, value] of Object.entries(where) as [string, unknown][]) {
    if (value === null) found.whereNull(column)
    else if (Array.isArray(value)) found.whereIn(column, value)
    else found.where(column, value as never)
  }
}

const TEXTS = ['text', 'character varying', 'character', 'citext', 'name', '"char"']

/** What is no text has no case, and would be sorted as it is written: 10 before 9. */
export function orderByWithoutCase(found: Knex.QueryBuilder, column: string, direction: Direction): void {
  found.orderByRaw(`case when pg_typeof(??)::text = any (?) then lower(??::text) end ${direction}`, [
    column,
    TEXTS,
    column,
  ])
}
