import type {
  Column,
  Constraint,
  Deferrability,
  ForeignKey,
  Index,
  ReferentialAction,
  Table,
  UniqueKey,
} from '../table.ts'
import type { ColumnRow } from './columns.ts'
import type { Action, ConstraintRow } from './constraints.ts'
import type { IndexRow } from './indexes.ts'
import { byName } from './order.ts'
import type { Relation } from './relations.ts'
import { resolveType, type TypeRow } from './types.ts'

interface Parts {
  readonly relation: Relation
  readonly columns: readonly ColumnRow[]
  readonly constraints: readonly ConstraintRow[]
  readonly indexes: readonly IndexRow[]
  readonly types: ReadonlyMap<number, TypeRow>
}

/** Assembles the rows of one relation. Whatever has no order of its own is sorted by name. */
export function buildTable({ relation, columns, constraints, indexes, types }: Parts): Table {
  const { schema, name, kind, partitionKey, partitionOf, comment } = relation
  const nameOf = new Map(columns.map(column => [column.number, column.name]))
  const names = (numbers: readonly number[] | null) =>
    (numbers ?? []).map(number => nameOf.get(number)).filter(name => name !== undefined)
  const indexOf = new Map(indexes.map(index => [index.oid, index]))
  const of = (wanted: ConstraintRow['kind']) => constraints.filter(({ kind }) => kind === wanted).sort(byName)
  const key = (row: ConstraintRow) => uniqueKey(row, indexOf.get(row.index), names)
  // PostgreSQL 18 has NOT NULLs that older rows need not satisfy: those may still be read as null.
  const notYet = new Set(of('n').flatMap(row => row.columns ?? []))
  const isView = kind === 'view' || kind === 'materialized view'
  return {
    schema,
    name,
    kind,
    columns: columns.map(row => column(row, types, { isView, mayBeNull: notYet.has(row.number) })),
    primaryKey: of('p').map(key)[0] ?? null,
    uniques: of('u').map(key),
    foreignKeys: of('f').map(row => foreignKey(row, names)),
    checks: of('c').map(constraint),
    exclusions: of('x').map(constraint),
    indexes: indexes
      .filter(({ isConstraint }) => !isConstraint)
      .sort(byName)
      .map(row => index(row, names)),
    ...(partitionKey === null ? {} : { partitionKey }),
    partitionOf,
    comment,
  }
}

type Names = (numbers: readonly number[] | null) => string[]

/** A domain's constraint holds where values are stored: in a view, an outer join makes nulls of any type. */
function column(
  row: ColumnRow,
  types: ReadonlyMap<number, TypeRow>,
  { isView, mayBeNull }: { isView: boolean; mayBeNull: boolean },
): Column {
  const { name, type, expression, comment, collation } = row
  const { typeName, isArray, enumValues, domain, ...below } = resolveType(types, row.typeId)
  const inherited = row.identity === '' && !isView ? below.default : null
  return {
    name,
    type,
    typeName,
    isArray,
    nullable: !(row.notNull || (below.notNull && !isView)) || mayBeNull,
    default: row.generated === '' ? (expression ?? inherited) : null,
    identity: row.identity === '' ? null : row.identity === 'a' ? 'always' : 'by default',
    generated: row.generated === '' ? null : expression,
    ...(row.generated === '' ? {} : { generation: row.generated === 'v' ? 'virtual' : 'stored' }),
    enumValues,
    domain,
    collation,
    comment,
  }
}

function uniqueKey(row: ConstraintRow, made: IndexRow | undefined, names: Names): UniqueKey {
  const included = made?.columns.split(' ').slice(made.keys).map(Number) ?? []
  return {
    name: row.name,
    columns: names(row.columns),
    included: names(included),
    nullsNotDistinct: made?.nullsNotDistinct ?? false,
    withoutOverlaps: row.temporal,
    deferrable: deferrability(row),
  }
}

function foreignKey(row: ConstraintRow, names: Names): ForeignKey {
  const { name, otherSchema, otherTable, otherColumns, onDeleteColumns, valid, temporal } = row
  return {
    name,
    columns: names(row.columns),
    references: { schema: otherSchema ?? '', table: otherTable ?? '', columns: otherColumns ?? [] },
    onUpdate: action(row.onUpdate),
    onDelete: action(row.onDelete),
    deferrable: deferrability(row),
    match: row.match === 'f' ? 'full' : 'simple',
    valid,
    period: temporal,
    ...(onDeleteColumns === null ? {} : { onDeleteColumns: names(onDeleteColumns) }),
  }
}

const constraint = ({ name, definition, inherited }: ConstraintRow): Constraint => ({
  name,
  definition: definition ?? '',
  inherited,
})

// Bits of `pg_index.indoption`.
const DESCENDING = 1
const NULLS_FIRST = 2

function index(row: IndexRow, names: Names): Index {
  const numbers = row.columns.split(' ').map(Number)
  const options = row.options.split(' ').map(Number)
  const expressions = [...(row.expressions ?? [])]
  return {
    name: row.name,
    method: row.method,
    unique: row.unique,
    nullsNotDistinct: row.nullsNotDistinct,
    valid: row.valid,
    keys: numbers.slice(0, row.keys).map((number, at) => ({
      column: names([number])[0] ?? null,
      expression: number === 0 ? (expressions.shift() ?? null) : null,
      descending: ((options[at] ?? 0) & DESCENDING) !== 0,
      nullsFirst: ((options[at] ?? 0) & NULLS_FIRST) !== 0,
      collation: row.collations?.[at] ?? null,
      operatorClass: row.operatorClasses?.[at] ?? null,
    })),
    included: names(numbers.slice(row.keys)),
    predicate: row.predicate,
    definition: row.definition,
  }
}

const deferrability = ({ deferrable, deferred }: ConstraintRow): Deferrability =>
  deferred ? 'initially deferred' : deferrable ? 'initially immediate' : 'not deferrable'

function action(letter: Action): ReferentialAction {
  switch (letter) {
    case 'r':
      return 'restrict'
    case 'c':
      return 'cascade'
    case 'n':
      return 'set null'
    case 'd':
      return 'set default'
    case 'a':
    case ' ':
      return 'no action'
    default:
      return letter satisfies never
  }
}
