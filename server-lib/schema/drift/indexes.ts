import type { Index, Table } from '../table.ts'
import type { Found } from './difference.ts'
import { reduced } from './expression.ts'
import { indexText, sameIndex } from './index-text.ts'
import { changes, shortened } from './matched.ts'
import { at, type Sides } from './sides.ts'
import { isPlainUnique } from './unique-keys.ts'

export function indexDrift(sides: Sides): Found[] {
  const { table, models, said } = sides
  if (!said('index')) return []
  const ours = (of: Table) =>
    of.indexes.filter(
      index =>
        !isPlainUnique(index) &&
        sides.isOn([...index.keys.flatMap(({ column }) => column ?? []), ...(index.included ?? [])]) &&
        sides.isWhole([...index.keys.map(({ expression }) => expression), index.predicate].join(' ')),
    )
  const isSame = (there: Index, wanted: Index) => sameIndex(table, there, wanted)
  return changes(sides, 'index', ours(table), ours(models), { text: indexText, isSame })
}

/** Whether the models have this index as a statement of their own: then only its name and its text are known. */
export function isStatement({ keys, definition }: Index): boolean {
  return keys.length === 0 && definition !== null
}

export function statementDrift(sides: Sides, { name, definition }: Index, table: Table): Found[] {
  const there = table.indexes.find(index => index.name === shortened(name))?.definition ?? null
  const words = (text: string) =>
    reduced(withBracketedWhere(text.replace(/\b(concurrently|if\s+not\s+exists|using\s+btree)\b/gi, ' ')))
  if (there !== null && definition !== null && words(there) === words(definition)) return []
  const kind = there === null ? 'missing index' : 'index'
  return [{ kind, ...at(sides, name), models: definition, database: there }]
}

/** With brackets around the whole condition, as PostgreSQL prints it: `where (…)`. */
function withBracketedWhere(text: string): string {
  const where = /\bwhere\b/i.exec(text)
  if (!where) return text
  const predicate = text.slice(where.index + where[0].length).trimEnd()
  return `${text.slice(0, where.index)}where (${predicate.endsWith(';') ? predicate.slice(0, -1) : predicate})`
}
