import type { Knex } from 'knex'
import { EnginelightError } from '../../channels/errors.ts'
import type { TablesShape } from '../../engines/engine-config.ts'
import { callNames } from '../call-names.ts'
import { checkSchema } from '../check-schema.ts'
import { checkKnexName } from '../knex-names.ts'
import type { Schema, Table } from '../table.ts'
import { unknownColumn } from '../unknown-column.ts'

/** The row type for reading: the first part of knex's `CompositeTableType`. */
export type RowOf<Type> = Knex.ResolveTableType<Type>

/** A table and its columns, under names that knex accepts wherever it takes one. */
export interface TableReference<Name extends string, Row, Alias extends string = Name> {
  /** For `knex(…)`, `from` and `join`: `shop.widgets`, or `widgets as w`. */
  readonly name: [Alias] extends [Name] ? Name : `${Name} as ${Alias}`
  /** The columns with their table, for all that reads: `where`, `select`, `join`, `orderBy`, `groupBy`, … */
  readonly c: { readonly [Column in keyof Row & string]: `${Alias}.${Column}` }
  /** The columns alone, for all that writes: the keys of `insert` and `update`, `returning`, `onConflict`. */
  readonly keys: { readonly [Column in keyof Row & string]: Column }
  /** The same table under another name, as for a join with itself. */
  as<Other extends string>(alias: Other): TableReference<Name, Row, Other>
  /** The table in the schema. */
  readonly description: Table
}

export type TableReferences<Tables extends TablesShape> = {
  readonly [Name in keyof Tables & string]: TableReference<Name, RowOf<Tables[Name]>>
}

export interface GetTablesOptions {
  /**
   * Schemas whose tables go by their name alone; if two share a name, the first schema wins. All others go by
   * `'schema.table'`. Default `['public']`, as in the types that `enginelight types` writes.
   */
  readonly searchPath?: readonly string[]
}

/**
 * The tables of a schema, reflected or from models, by name: `tables.widgets.c.id` is `widgets.id`, and does not
 * compile if there is no such column. Accessing an unknown table or column throws EL_UNKNOWN_TABLE or
 * EL_UNKNOWN_COLUMN, which list the known ones; a name that knex would misread throws EL_CONFIG. So does anything but a
 * schema.
 */
export function getTables<Tables extends TablesShape = Record<string, Record<string, any>>>(
  schema: Schema,
  options: GetTablesOptions = {},
): TableReferences<Tables> {
  checkSchema('getTables()', schema)
  const called = callNames(schema.tables, options.searchPath ?? ['public'])
  const made = new Map<string, object>()
  const known = [...called.keys()]
  return strict(Object.fromEntries(known.map(name => [name, name])), name => {
    const table = called.get(name)
    if (!table) {
      throw new EnginelightError(
        'EL_UNKNOWN_TABLE',
        `There is no table ${JSON.stringify(name)}; there are ${known.join(', ')}.`,
        { known },
      )
    }
    const reference = made.get(name) ?? referenceTo(table, name)
    made.set(name, reference)
    return reference
  }) as TableReferences<Tables>
}

function referenceTo(table: Table, name: string, alias?: string): object {
  checkKnexName('table', table.name)
  if (name !== table.name) checkKnexName('schema', table.schema)
  if (alias !== undefined) checkKnexName('alias', alias)
  const columns = table.columns.map(column => column.name)
  const named = (write: (column: string) => string) =>
    strict(Object.fromEntries(columns.map(column => [column, write(column)])), column => {
      if (!columns.includes(column)) throw unknownColumn(name, column, columns)
      checkKnexName('column', column)
      return write(column)
    })
  return {
    name: alias === undefined ? name : `${name} as ${alias}`,
    c: named(column => `${alias ?? name}.${column}`),
    keys: named(column => column),
    as: (other: string) => referenceTo(table, name, other),
    description: table,
  }
}

/** Properties that JavaScript and its tools read on any object, and must be able to read without an error. */
const ASKED = new Set(['then', 'toJSON', 'constructor', 'asymmetricMatch', 'nodeType', '$$typeof'])

/**
 * An object with the properties of `known`, each as `read` returns it; for all others `read` throws. Printing it does
 * not call `read`, and shows what is in `known`.
 */
function strict(known: object, read: (name: string) => unknown): object {
  return new Proxy(Object.assign(Object.create(null) as object, known), {
    get(target, name) {
      if (typeof name === 'symbol' || (ASKED.has(name) && !(name in target))) return undefined
      return read(name)
    },
    deleteProperty: () => false,
    defineProperty: () => false,
  })
}
