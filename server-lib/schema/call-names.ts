import type { Table } from './table.ts'

/**
 * The tables by the name that a query uses. Tables in the search path go by their name; if two share it, the first
 * schema in the path wins. All others go by `schema.table`. A table with a dot in its name gives way to the one that
 * knex would find.
 */
export function callNames(tables: readonly Table[], searchPath: readonly string[]): Map<string, Table> {
  const called = new Map<string, Table>()
  for (const schema of searchPath) {
    for (const table of tables) {
      if (table.schema === schema && !called.has(table.name)) called.set(table.name, table)
    }
  }
  const bare = new Set(called.values())
  for (const table of tables) if (!bare.has(table)) called.set(`${table.schema}.${table.name}`, table)
  return called
}
