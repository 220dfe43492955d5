import { isDeepStrictEqual } from 'node:util'
import type { ModelSchema, RelationKind, Schema, Table, Unsaid } from '../table.ts'
import { checkSchema } from '../check-schema.ts'
import { isOwnTable } from '../own-tables.ts'
import { columnDrift } from './columns.ts'
import { constraintDrift } from './constraints.ts'
import { difference, type Difference, type Found } from './difference.ts'

export interface DriftOptions {
  /** Leaves a difference out of the report if it returns true. */
  readonly ignore?: (difference: Difference) => boolean
}

/** Tables that hosts and their migrations keep for themselves. */
const BOOKKEEPING = new Set(
  'typeorm_metadata migrations SequelizeMeta __drizzle_migrations mikro_orm_migrations knex_migrations knex_migrations_lock'.split(
    ' ',
  ),
)

/**
 * How a database differs from the models: each difference once, in words and as data; empty if they agree. A different
 * spelling is no difference: `serial`, an identity by default and `nextval(…)` are equal, as are `varchar` and
 * `character varying`, `now()` and `CURRENT_TIMESTAMP`, a unique constraint and a unique index. Nor is a name that the
 * models leave to PostgreSQL. What the host's models cannot express (`fromModels.unsaid`) is not compared. Tables that
 * the models lack are reported if they are in one of the models' schemas, except partitions, the hosts' own migration
 * tables and the tables of `engines.install()`.
 *
 * The second argument may also be the schema of another database. Reflect all schemas that the models use: a table that
 * was not read is reported as missing. Checks, predicates and generated columns are compared by their words and by how
 * `and`, `or` and `not` group them, not by other parentheses. Throws EL_CONFIG for anything but a schema.
 */
export function drift(
  reflected: Schema,
  fromModels: Schema | ModelSchema,
  options: DriftOptions = {},
): Difference[] {
  checkSchema('drift()', reflected)
  checkSchema('drift()', fromModels)
  const { ignore = () => false } = options
  const unsaid = 'unsaid' in fromModels ? fromModels.unsaid : []
  const said = (what: Unsaid) => !unsaid.includes(what)
  const there = byPlace(reflected.tables)
  const isThere = ({ schema, table }: { schema: string; table: string }) => there.has(place(schema, table))
  const found = [
    ...enumDrift(reflected, fromModels),
    ...fromModels.tables.flatMap((models): Found[] => {
      const table = there.get(place(models.schema, models.name))
      if (!table)
        return [{ kind: 'missing table', ...at(models), models: article(models.kind), database: null }]
      if (coarse(table.kind) !== coarse(models.kind)) {
        return [{ kind: 'kind of relation', ...at(models), models: models.kind, database: table.kind }]
      }
      const columns = columnDrift(table, models, said)
      return coarse(models.kind) === 'table'
        ? [...columns, ...constraintDrift(table, models, said, isThere), ...commentDrift(table, models)]
        : columns
    }),
    ...extraTables(reflected, fromModels),
  ]
  return found.map(difference).filter(one => !ignore(one))
}

function byPlace(tables: readonly Table[]): Map<string, Table> {
  return new Map(tables.map(table => [place(table.schema, table.name), table]))
}

function place(schema: string, name: string): string {
  return `${schema}\0${name}`
}

function at({ schema, name }: Table): Pick<Found, 'schema' | 'table' | 'column' | 'name'> {
  return { schema, table: name, column: null, name: null }
}

/** Models know a table, but not whether it is partitioned, foreign or a partition. */
function coarse(kind: RelationKind): 'table' | 'view' | 'materialized view' {
  return kind === 'view' || kind === 'materialized view' ? kind : 'table'
}

function article(kind: RelationKind): string {
  return `a ${kind}`
}

function commentDrift(table: Table, models: Table): Found[] {
  if (!models.comment || models.comment === table.comment) return []
  return [{ kind: 'comment', ...at(models), models: models.comment, database: table.comment }]
}

function enumDrift(reflected: Schema, fromModels: Schema): Found[] {
  return fromModels.enums.flatMap(({ schema, name, values }): Found[] => {
    const there = reflected.enums.find(type => type.schema === schema && type.name === name)
    const wanted = values.join(', ')
    const where = { schema, table: null, column: null, name }
    if (there) {
      const has = there.values.join(', ')
      const isSame = isDeepStrictEqual(there.values, values)
      return isSame ? [] : [{ kind: 'enum values', ...where, models: wanted, database: has }]
    }
    // A column that uses the enum reports it by its type.
    const isUsed = fromModels.tables.some(table => table.columns.some(column => column.typeName === name))
    return isUsed ? [] : [{ kind: 'missing enum', ...where, models: wanted, database: null }]
  })
}

function extraTables(reflected: Schema, fromModels: Schema): Found[] {
  const known = byPlace(fromModels.tables)
  const schemas = new Set(fromModels.tables.map(({ schema }) => schema))
  return reflected.tables
    .filter(table => {
      const { schema, name, kind, partitionOf } = table
      if (
        isOwnTable(table) ||
        !schemas.has(schema) ||
        known.has(place(schema, name)) ||
        BOOKKEEPING.has(name)
      )
        return false
      return kind !== 'partition' && partitionOf === null
    })
    .map((table): Found => ({
      kind: 'extra table',
      ...at(table),
      models: null,
      database: article(table.kind),
    }))
}
