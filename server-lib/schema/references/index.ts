export { getTables } from './get-tables.ts'
export type { GetTablesOptions, RowOf, TableReference, TableReferences } from './get-tables.ts'
