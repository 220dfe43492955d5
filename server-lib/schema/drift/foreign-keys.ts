import type { ForeignKey } from '../table.ts'
import { sameSet } from './column-lists.ts'
import type { Found } from './difference.ts'
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
    ...both.flatMap(([there, wanted]): Found[] => {
      const found: Found[] = []
      if (said('foreign key action') && actions(there) !== actions(wanted)) {
        found.push({
          kind: 'foreign key action',
          ...at(sides, there.name),
          models: actions(wanted),
          database: actions(there),
        })
      }
      if (said('deferrability') && there.deferrable !== wanted.deferrable) {
        found.push({
          kind: 'deferrability',
          ...at(sides, there.name),
          models: wanted.deferrable,
          database: there.deferrable,
        })
      }
      return [...found, ...renamed(sides, wanted.name, there.name)]
    }),
  ]
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

function actions({ onUpdate, onDelete }: ForeignKey): string {
  return `on update ${onUpdate}, on delete ${onDelete}`
}
