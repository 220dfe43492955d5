import type { Index, Table } from '../table.ts'
import type { Found } from './difference.ts'
import { reduced } from './expression.ts'
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
        sides.isOn(index.keys.flatMap(({ column }) => column ?? [])) &&
        sides.isWhole([...index.keys.map(({ expression }) => expression), index.predicate].join(' ')),
    )
  return changes(sides, 'index', ours(table), ours(models), indexText)
}

/** Without INCLUDE, which no host's models say. */
function indexText({ unique, method, keys, predicate }: Index): string {
  const over = keys.map(({ column, expression }) => column ?? expression)
  return `${unique ? 'unique ' : ''}${method} (${over.join(', ')})${predicate === null ? '' : ` where ${predicate}`}`
}

/** Of an index that the models have as a statement of their own we know its name and its text alone. */
export function isStatement({ keys, definition }: Index): boolean {
  return keys.length === 0 && definition !== null
}

export function statementDrift(sides: Sides, { name, definition }: Index, table: Table): Found[] {
  const there = table.indexes.find(index => index.name === shortened(name))?.definition ?? null
  const words = (text: string) =>
    reduced(text.replace(/\b(concurrently|if\s+not\s+exists|using\s+btree)\b/gi, ' '))
  if (there !== null && definition !== null && words(there) === words(definition)) return []
  const kind = there === null ? 'missing index' : 'index'
  return [{ kind, ...at(sides, name), models: definition, database: there }]
}
