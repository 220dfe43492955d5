import { EnginelightError } from '../../channels/errors.ts'
import type { Constraint, EnumType, ForeignKey, Index, IndexKey, ModelSchema, UniqueKey } from '../table.ts'
import { action, type DraftColumn, type DraftTable } from './drafts.ts'
import {
  isEnum,
  kindOf,
  marked,
  writer,
  type DrizzleColumn,
  type DrizzleEnum,
  type Writer,
} from './drizzle-parts.ts'
import { expressionKey, keyOrder } from './expression-key.ts'
import type { TablesFromOptions } from './host-column.ts'
import { modelSchema } from './model-schema.ts'

export interface DrizzleOptions extends TablesFromOptions {
  /**
   * The option of `drizzle({ casing })`: how columns that were declared without a name are named. Default: by their
   * key.
   */
  readonly casing?: 'snake_case' | 'camelCase'
}

/**
 * The tables, views and enums that a module of a Drizzle schema exports: `import * as schema from './schema.ts'`. Found
 * by the symbols that Drizzle puts on them; no copy of Drizzle is loaded. Nothing is sent to the database.
 */
export function drizzle(schema: object, options: DrizzleOptions = {}): ModelSchema {
  const exported = Object.values(schema ?? {}) as readonly unknown[]
  const tables = exported.filter(isOfKind('PgTable'))
  if (tables.length === 0) {
    throw new EnginelightError(
      'EL_CONFIG',
      'tablesFrom.drizzle needs the module that exports your tables (`import * as schema from "./schema.ts"`): none of what it was given is a pgTable.',
      { option: 'schema' },
    )
  }
  const write = writer(options.casing)
  const fallback = options.defaultSchema ?? 'public'
  const views = [...exported.filter(isOfKind('PgView')), ...exported.filter(isOfKind('PgMaterializedView'))]
  return modelSchema(
    'drizzle',
    {
      tables: [
        ...tables.map(table => tableOf(table, write, fallback)),
        ...views.map(view => viewOf(view, write, fallback)),
      ],
      enums: exported.filter(isEnum).map((type): EnumType => ({ ...enumOf(type, fallback), comment: null })),
    },
    options,
  )
}

function isOfKind(kind: string): (value: unknown) => value is object {
  return (value): value is object => kindOf(value) === kind
}

/** What the third argument of `pgTable` may return. */
interface Built {
  readonly PgPrimaryKey: { readonly name?: string; readonly columns: readonly DrizzleColumn[] }
  readonly PgUniqueConstraint: {
    readonly name: string
    readonly columns: readonly DrizzleColumn[]
    readonly nullsNotDistinct?: boolean
  }
  readonly PgForeignKey: object
  readonly PgCheck: { readonly name: string; readonly value: object }
  readonly PgIndex: { readonly config: IndexConfig }
}

function tableOf(table: object, write: Writer, fallback: string): DraftTable {
  const name = marked(table, 'Name')!
  const columns = Object.values(marked(table, 'Columns') ?? {})
  const extras = extrasOf(table)
  const built = <Kind extends keyof Built>(kind: Kind) =>
    extras.filter(isOfKind(kind)) as unknown as readonly Built[Kind][]
  const names = (of: readonly DrizzleColumn[]) => of.map(column => write.name(column))
  const [composite] = built('PgPrimaryKey')
  const primary = composite?.columns ?? columns.filter(column => column.primary)
  return {
    schema: marked(table, 'Schema') ?? fallback,
    name,
    columns: columns.map(column => columnOf(column, write, fallback)),
    primaryKey: primary.length > 0 ? { name: composite?.name ?? null, columns: names(primary) } : null,
    uniques: [
      ...columns
        .filter(column => column.isUnique)
        .map(column =>
          uniqueOf(name, [column], column.uniqueName, column.uniqueType === 'not distinct', write),
        ),
      ...built('PgUniqueConstraint').map(unique =>
        uniqueOf(name, unique.columns, unique.name, unique.nullsNotDistinct === true, write),
      ),
    ],
    foreignKeys: [...Object.values(marked(table, 'PgInlineForeignKeys') ?? {}), ...built('PgForeignKey')].map(
      key => foreignKeyOf(key, write, fallback),
    ),
    checks: built('PgCheck').map((check): Constraint => ({
      name: check.name,
      definition: `CHECK (${write.sql(check.value)})`,
    })),
    indexes: built('PgIndex').map(({ config }) => indexOf(config, name, columns, write)),
  }
}

/** What the third argument of `pgTable` returns, each built as Drizzle's own `getTableConfig` builds it. */
function extrasOf(table: object): object[] {
  const configure = marked(table, 'ExtraConfigBuilder')
  const given = configure?.(marked(table, 'ExtraConfigColumns') ?? {})
  const builders: unknown[] = Array.isArray(given) ? given.flat(1) : Object.values(given ?? {})
  return builders.flatMap(builder => {
    const { build } = (builder ?? {}) as { build?: (of: object) => object }
    return build ? [build.call(builder, table)] : []
  })
}

function columnOf(column: DrizzleColumn, write: Writer, fallback: string): DraftColumn {
  const { generated, generatedIdentity } = column
  const element = elementOf(column)
  const type = column.getSQLType()
  return {
    name: write.name(column),
    type,
    isArray: element !== column,
    ...(element.enum && { enumType: enumOf(element.enum, fallback) }),
    nullable: !column.notNull,
    default: column.default === undefined ? null : write.literal(column.default, column),
    identity: generatedIdentity ? (generatedIdentity.type === 'always' ? 'always' : 'by default') : null,
    generated: generated ? expressionOf(generated.as, column, write) : null,
    generation: 'stored',
    definition: column,
  }
}

function elementOf(column: DrizzleColumn): DrizzleColumn {
  return column.baseColumn ? elementOf(column.baseColumn) : column
}

/** `generatedAlwaysAs` takes an expression, or a function that returns it. */
function expressionOf(as: unknown, column: DrizzleColumn, write: Writer): string {
  return write.literal(typeof as === 'function' ? (as as () => unknown)() : as, column)
}

function enumOf(
  type: DrizzleEnum,
  fallback: string,
): { schema: string; name: string; values: readonly string[] } {
  return { schema: type.schema ?? fallback, name: type.enumName, values: type.enumValues }
}

function uniqueOf(
  table: string,
  columns: readonly DrizzleColumn[],
  name: string | undefined,
  nullsNotDistinct: boolean,
  write: Writer,
): UniqueKey {
  // Drizzle fills in a name of its own; only a different one was chosen.
  const own = `${table}_${columns.map(column => column.name).join('_')}_unique`
  return {
    name: name === undefined || name === own ? null : name,
    columns: columns.map(column => write.name(column)),
    nullsNotDistinct,
  }
}

function foreignKeyOf(key: object, write: Writer, fallback: string): ForeignKey {
  const { reference, onUpdate, onDelete } = key as {
    reference(): {
      readonly name?: string
      readonly columns: readonly DrizzleColumn[]
      readonly foreignColumns: readonly DrizzleColumn[]
    }
    onUpdate?: string
    onDelete?: string
  }
  const { name, columns, foreignColumns } = reference()
  const { table } = foreignColumns[0]!
  return {
    name: name ?? null,
    columns: columns.map(column => write.name(column)),
    references: {
      schema: marked(table, 'Schema') ?? fallback,
      table: marked(table, 'Name')!,
      columns: foreignColumns.map(column => write.name(column)),
    },
    onUpdate: action(onUpdate),
    onDelete: action(onDelete),
    deferrable: 'not deferrable',
  }
}

interface IndexedColumn {
  readonly name: string
  readonly indexConfig?: { readonly order?: string; readonly nulls?: string; readonly opClass?: string }
}

interface IndexConfig {
  readonly name?: string
  readonly unique: boolean
  readonly method?: string
  readonly where?: object
  readonly columns: readonly object[]
}

function indexOf(
  config: IndexConfig,
  table: string,
  columns: readonly DrizzleColumn[],
  write: Writer,
): Index {
  const keys = config.columns.map((key): IndexKey => {
    if (kindOf(key) === 'SQL') return expressionKey(write.sql(key))
    const { name, indexConfig = {} } = key as IndexedColumn
    const { order, nulls, opClass } = indexConfig
    const column = columns.find(known => known.name === name)
    return {
      column: column ? write.name(column) : name,
      expression: null,
      operatorClass: opClass ?? null,
      // With an operator class drizzle-kit writes no order, whatever the model says.
      ...(opClass === undefined && keyOrder(order, nulls)),
    }
  })
  return {
    // An index without a name gets drizzle-kit's.
    name: config.name ?? `${table}_${keys.map(key => key.column ?? 'expression').join('_')}_index`,
    method: config.method ?? 'btree',
    unique: config.unique,
    keys,
    predicate: config.where ? write.sql(config.where) : null,
    definition: null,
  }
}

function viewOf(view: object, write: Writer, fallback: string): DraftTable {
  const { name, schema, selectedFields } = marked(view, 'ViewBaseConfig')!
  return {
    schema: schema ?? fallback,
    name,
    kind: kindOf(view) === 'PgMaterializedView' ? 'materialized view' : 'view',
    columns: Object.entries(selectedFields).map(([key, field]): DraftColumn => {
      if (!('getSQLType' in field)) {
        // A computed field is named by `.as()`, and only the database knows its type.
        const { fieldAlias = key } = field as { fieldAlias?: string }
        return { name: fieldAlias, type: 'unknown', nullable: true, definition: field }
      }
      const { default: _, ...column } = columnOf(field as DrizzleColumn, write, fallback)
      const type = column.type.replace(/^(small|big)?serial$/, (_serial, size: string = '') => `${size}int`)
      return { ...column, type, identity: null, generated: null, nullable: true }
    }),
  }
}
