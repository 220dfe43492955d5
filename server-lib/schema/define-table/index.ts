import type { RowOf } from '../references/index.ts'
import type { Table } from '../table.ts'
import { checkedTable, type TableDefinition } from './definition.ts'
import { Finders } from './finders.ts'

/**
 * A table with its finders, typed by its rows:
 * `defineTable<User>({ name: 'users', primaryKey: 'id', columns: ['id', 'name'] })`, or from a table of a schema that
 * was reflected or read from models. A finder's first argument is what it runs on, a session or a knex. Columns are
 * checked against the table before anything is sent (EL_UNKNOWN_COLUMN), and values are parameters. Throws EL_CONFIG
 * for a table without a primary key, because every order of rows ends with it.
 */
export function defineTable<Type extends object = Record<string, any>>(
  table: TableDefinition<RowOf<Type>> | Table,
): Finders<RowOf<Type>> {
  return new Finders(checkedTable(table))
}

export type { TableDefinition } from './definition.ts'
export type { Finders, IdOf } from './finders.ts'
export type { Page } from './page.ts'
export type { RunsBuilders } from './query.ts'
export type { ColumnOf, RangeOptions } from './range.ts'
