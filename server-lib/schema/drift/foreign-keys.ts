import type { ForeignKey } from '../table.ts'
import { sameSet } from './column-lists.ts'
import type { DifferenceKind, Found } from './difference.ts'
import { agree } from './agree.ts'
import { matched, renamed } from './matched.ts'
import { at, type Sides } from './sides.ts'

export function foreignKeyDrift(sides: Sides): Found[] {
  const { table, models, said } = sides
  const { missing, extra, both } = matched(table.foreignKeys, models.foreignKeys, sameReference)
  return [
    ...missing
      .filter(key => sides.isOn(key.columns) && sides.isThere(key.references))
      .map((key): Found => ({
        kind: 'missing foreign key',
        ...at(sides, key.name),
        models: arrow(key),
        database: null,
      })),
    ...(said('foreign key') ? extra : [])
      .filter(key => sides.isOn(key.columns))
      .map((key): Found => ({
        kind: 'extra foreign key',
        ...at(sides, key.name),
        models: null,
        database: arrow(key),
      })),
    ...both.flatMap(([there, wanted]) => sameForeignKey(sides, there, wanted)),
  ]
}

function sameForeignKey(sides: Sides, there: ForeignKey, wanted: ForeignKey): Found[] {
  const { said } = sides
  const found: Found[] = []
  const tell = (kind: DifferenceKind, models: string, database: string) => {
    if (models !== database) found.push({ kind, ...at(sides, there.name), models, database })
  }
  // A side that knows MATCH also knows which columns an action sets. No host knows it.
  const ofWhich = there.match !== undefined && wanted.match !== undefined
  if (said('foreign key action'))
    tell('foreign key action', actions(wanted, ofWhich), actions(there, ofWhich))
  if (said('deferrability')) tell('deferrability', wanted.deferrable, there.deferrable)
  if (there.match && wanted.match) tell('match', `match ${wanted.match}`, `match ${there.match}`)
  if (!agree(there.valid, wanted.valid)) tell('validity', validity(wanted), validity(there))
  return [...found, ...renamed(sides, wanted.name, there.name)]
}

function sameReference(a: ForeignKey, b: ForeignKey): boolean {
  const pairs = ({ columns, references }: ForeignKey) =>
    columns.map((column, index) => `${column}\0${references.columns[index]}`)
  return (
    a.references.schema === b.references.schema &&
    a.references.table === b.references.table &&
    sameSet(pairs(a), pairs(b))
  )
}

function arrow({ columns, references: { schema, table, columns: to } }: ForeignKey): string {
  return `(${columns.join(', ')}) references ${schema}.${table} (${to.join(', ')})`
}

function actions({ onUpdate, onDelete, onDeleteColumns }: ForeignKey, ofWhich: boolean): string {
  const columns = ofWhich && onDeleteColumns ? ` (${onDeleteColumns.join(', ')})` : ''
  return `on update ${onUpdate}, on delete ${onDelete}${columns}`
}

function validity({ valid }: ForeignKey): string {
  return valid === false ? 'not valid' : 'valid'
}
