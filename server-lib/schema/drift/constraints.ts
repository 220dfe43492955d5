import type { Constraint, ForeignKey, Index, Table, UniqueKey, Unsaid } from '../table.ts'
import type { Found } from './difference.ts'
import { reduced } from './expression.ts'

type Said = (what: Unsaid) => boolean

interface Sides {
  readonly table: Table
  readonly models: Table
  readonly said: Said
  /** Whether all of the columns are on both sides. What hangs on one that is not goes with it, and is not told again. */
  readonly isOn: (columns: readonly string[]) => boolean
  /** The same of an expression. */
  readonly isWhole: (expression: string) => boolean
  /** Whether the database has that table at all. */
  readonly isThere: (place: ForeignKey['references']) => boolean
}

/** What differs between the keys, constraints and indexes of a table. */
export function constraintDrift(table: Table, models: Table, said: Said, isThere: Sides['isThere']): Found[] {
  const names = (of: Table) => new Set(of.columns.map(column => column.name))
  const [there, wanted] = [names(table), names(models)]
  const isOn = (columns: readonly string[]) => columns.every(name => there.has(name) && wanted.has(name))
  const halves = [...there, ...wanted].filter(name => !isOn([name]))
  const isWhole = (expression: string) => {
    if (halves.length === 0) return true
    const words = new Set(reduced(expression).split(' '))
    return !halves.some(name => words.has(name))
  }
  const statements = models.indexes.filter(isStatement)
  const without = (of: Table): Table => ({
    ...of,
    indexes: of.indexes.filter(
      index => !statements.some(({ name }) => shortened(name) === shortened(index.name)),
    ),
  })
  const sides: Sides = { table: without(table), models: without(models), said, isOn, isWhole, isThere }
  return [
    ...statements.flatMap(index => statementDrift(sides, index, table)),
    ...primaryKeyDrift(sides),
    ...uniqueDrift(sides),
    ...foreignKeyDrift(sides),
    ...constraintsDrift(sides, 'check', table.checks, models.checks),
    ...constraintsDrift(sides, 'exclusion', table.exclusions, models.exclusions),
    ...indexDrift(sides),
  ]
}

function at({ models }: Sides, name: string | null): Pick<Found, 'schema' | 'table' | 'column' | 'name'> {
  return { schema: models.schema, table: models.name, column: null, name }
}

function primaryKeyDrift(sides: Sides): Found[] {
  const { table, models } = sides
  const [there, wanted] = [table.primaryKey, models.primaryKey]
  if (!sides.isOn([...(there?.columns ?? []), ...(wanted?.columns ?? [])])) return []
  // In whatever order: a host may not know which it chose.
  if (sorted(there?.columns).join() !== sorted(wanted?.columns).join()) {
    return [
      {
        kind: 'primary key',
        ...at(sides, null),
        models: list(wanted?.columns),
        database: list(there?.columns),
      },
    ]
  }
  return there && wanted ? sameKey(sides, there, wanted) : []
}

/** A unique constraint and a unique index over plain columns hold the same: either does for the other. */
function uniqueDrift(sides: Sides): Found[] {
  const { table, models, said } = sides
  if (!said('unique')) return []
  const { missing, extra, both } = matched(uniquesOf(table), uniquesOf(models), (a, b) =>
    sameSet(a.columns, b.columns),
  )
  return [
    ...missing
      .filter(key => sides.isOn(key.columns))
      .map((key): Found => ({
        kind: 'missing unique',
        ...at(sides, key.name),
        models: list(key.columns),
        database: null,
      })),
    ...extra
      .filter(key => sides.isOn(key.columns))
      .map((key): Found => ({
        kind: 'extra unique',
        ...at(sides, key.name),
        models: null,
        database: list(key.columns),
      })),
    ...both.flatMap(([there, wanted]) => sameKey(sides, there, wanted)),
  ]
}

function sameKey(sides: Sides, there: UniqueKey, wanted: UniqueKey): Found[] {
  const found = renamed(sides, wanted.name, there.name)
  const tell = (kind: 'deferrability' | 'nulls', models: string, database: string) => {
    if (models !== database) found.push({ kind, ...at(sides, there.name), models, database })
  }
  if (sides.said('deferrability')) {
    tell('deferrability', wanted.deferrable ?? 'not deferrable', there.deferrable ?? 'not deferrable')
  }
  tell('nulls', nulls(wanted), nulls(there))
  return found
}

function nulls({ nullsNotDistinct }: UniqueKey): string {
  return nullsNotDistinct === true ? 'not distinct' : 'distinct'
}

function uniquesOf({ uniques, indexes }: Table): UniqueKey[] {
  return [
    ...uniques,
    ...indexes.filter(isPlainUnique).map(({ name, keys, nullsNotDistinct }) => ({
      name,
      columns: keys.map(key => key.column!),
      ...(nullsNotDistinct !== undefined && { nullsNotDistinct }),
    })),
  ]
}

function isPlainUnique({ unique, predicate, keys }: Index): boolean {
  return unique && predicate === null && keys.length > 0 && keys.every(key => key.column !== null)
}

/** Of an index that the models have as a statement of their own we know its name and its text alone. */
function isStatement({ keys, definition }: Index): boolean {
  return keys.length === 0 && definition !== null
}

function statementDrift(sides: Sides, { name, definition }: Index, table: Table): Found[] {
  const there = table.indexes.find(index => index.name === shortened(name))?.definition ?? null
  const words = (text: string) =>
    reduced(text.replace(/\b(concurrently|if\s+not\s+exists|using\s+btree)\b/gi, ' '))
  if (there !== null && definition !== null && words(there) === words(definition)) return []
  const kind = there === null ? 'missing index' : 'index'
  return [{ kind, ...at(sides, name), models: definition, database: there }]
}

function foreignKeyDrift(sides: Sides): Found[] {
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

function constraintsDrift(
  sides: Sides,
  what: 'check' | 'exclusion',
  there: readonly Constraint[],
  wanted: readonly Constraint[],
): Found[] {
  if (!sides.said(what)) return []
  const isWhole = ({ definition }: Constraint) => sides.isWhole(definition)
  const text = ({ definition }: Constraint) => definition
  return changes(sides, what, there.filter(isWhole), wanted.filter(isWhole), text)
}

function indexDrift(sides: Sides): Found[] {
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

/** What is missing, extra, of another text under the same name, and of another name. */
function changes<T extends { readonly name: string | null }>(
  sides: Sides,
  what: 'check' | 'exclusion' | 'index',
  there: readonly T[],
  wanted: readonly T[],
  text: (of: T) => string,
): Found[] {
  const { missing, extra, both } = matched(there, wanted, (a, b) => reduced(text(a)) === reduced(text(b)))
  const changed = missing.flatMap(model => {
    const other = extra.find(({ name }) => name !== null && name === shortened(model.name))
    return other ? [{ model, other }] : []
  })
  const isChanged = (one: T) => changed.some(({ model, other }) => one === model || one === other)
  const told = (kind: Found['kind'], model: T | null, other: T | null): Found => ({
    kind,
    ...at(sides, (other ?? model)!.name),
    models: model && text(model),
    database: other && text(other),
  })
  return [
    ...changed.map(({ model, other }) => told(what, model, other)),
    ...missing.filter(one => !isChanged(one)).map(one => told(`missing ${what}`, one, null)),
    ...extra.filter(one => !isChanged(one)).map(one => told(`extra ${what}`, null, one)),
    ...both.flatMap(([one, model]) => renamed(sides, model.name, one.name)),
  ]
}

/** Pairs each of the models' with one of the database's; what is over on either side is missing, or extra. */
function matched<T>(
  there: readonly T[],
  wanted: readonly T[],
  isSame: (a: T, b: T) => boolean,
): { missing: T[]; extra: T[]; both: [there: T, wanted: T][] } {
  const extra = [...there]
  const missing: T[] = []
  const both: [T, T][] = []
  for (const model of wanted) {
    const index = extra.findIndex(one => isSame(one, model))
    if (index === -1) missing.push(model)
    else both.push([extra.splice(index, 1)[0]!, model])
  }
  // The same key twice over, as hosts write it, is one in the database.
  return { missing: missing.filter(model => !both.some(([one]) => isSame(one, model))), extra, both }
}

function renamed(sides: Sides, models: string | null, database: string | null): Found[] {
  if (models === null || database === null || shortened(models) === database) return []
  return [{ kind: 'name', ...at(sides, database), models, database }]
}

/** PostgreSQL keeps 63 bytes of a name. */
function shortened(name: string | null): string | null {
  if (name === null || Buffer.byteLength(name) <= 63) return name
  return new TextDecoder().decode(Buffer.from(name).subarray(0, 63)).replace(/\uFFFD$/, '')
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return sorted(a).join('\0') === sorted(b).join('\0')
}

function sorted(names: readonly string[] = []): string[] {
  return [...names].sort()
}

function list(columns: readonly string[] | undefined): string | null {
  return columns === undefined ? null : `(${columns.join(', ')})`
}

function arrow({ columns, references: { schema, table, columns: to } }: ForeignKey): string {
  return `(${columns.join(', ')}) references ${schema}.${table} (${to.join(', ')})`
}

function actions({ onUpdate, onDelete }: ForeignKey): string {
  return `on update ${onUpdate}, on delete ${onDelete}`
}
