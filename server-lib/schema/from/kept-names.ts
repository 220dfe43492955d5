import { keptName } from '../kept-name.ts'
import type { ForeignKey, Index, UniqueKey } from '../table.ts'
import type { DraftTable } from './drafts.ts'

/**
 * Cuts a table's name and its columns' names to what the database keeps, if the models' are longer. Names of
 * constraints and indexes stay as in the models, for the code that creates them.
 */
export function withKeptNames(draft: DraftTable): DraftTable {
  const names = (of: readonly string[]) => of.map(keptName)
  const key = (of: UniqueKey): UniqueKey => ({ ...of, columns: names(of.columns) })
  return {
    ...draft,
    schema: keptName(draft.schema),
    name: keptName(draft.name),
    columns: draft.columns.map(column => ({ ...column, name: keptName(column.name) })),
    primaryKey: draft.primaryKey ? key(draft.primaryKey) : null,
    uniques: (draft.uniques ?? []).map(key),
    foreignKeys: (draft.foreignKeys ?? []).map(foreignKey),
    indexes: (draft.indexes ?? []).map(index),
  }
}

function foreignKey(of: ForeignKey): ForeignKey {
  const { schema, table, columns } = of.references
  const references = { schema: keptName(schema), table: keptName(table), columns: columns.map(keptName) }
  return { ...of, columns: of.columns.map(keptName), references }
}

function index(of: Index): Index {
  const keys = of.keys.map(key => (key.column === null ? key : { ...key, column: keptName(key.column) }))
  return { ...of, keys }
}
