import { EnginelightError } from '../../channels/errors.ts'
import type { Constraint, ForeignKey, Index, ModelSchema, UniqueKey } from '../table.ts'
import { action, columnIndex, deferrable, type DraftColumn, type DraftTable } from './drafts.ts'
import type { TablesFromOptions } from './host-column.ts'
import { modelSchema } from './model-schema.ts'

/** What we use of a TypeORM DataSource. */
export interface TypeormDataSource {
  readonly isInitialized: boolean
  readonly options: { readonly type: string }
  readonly entityMetadatas: readonly object[]
  readonly driver: object
  readonly namingStrategy: object
}

interface Driver {
  readonly schema?: string
  readonly options: { readonly schema?: string }
  readonly uuidGenerator?: string
  normalizeType(column: ColumnMetadata): string
  normalizeDefault(column: ColumnMetadata): string | undefined
  getColumnLength(column: ColumnMetadata): string
  createFullType(column: object): string
}

interface ColumnMetadata {
  readonly databaseName: string
  /** A name, or one of `String`, `Number`, `Date` … */
  readonly type?: string | { readonly name: string }
  readonly isArray: boolean
  readonly isNullable: boolean
  readonly isPrimary: boolean
  readonly isGenerated: boolean
  readonly isVirtualProperty: boolean
  readonly generationStrategy?: string
  readonly generatedIdentity?: string
  readonly generatedType?: string
  readonly asExpression?: string
  readonly precision?: number | null
  readonly scale?: number
  readonly collation?: string
  readonly comment?: string
  readonly enum?: readonly unknown[]
  readonly enumName?: string
  readonly spatialFeatureType?: string
  readonly srid?: number
  readonly primaryKeyConstraintName?: string
}

interface Named {
  readonly name: string
  readonly columns: readonly ColumnMetadata[]
}

interface EntityMetadata {
  readonly tableName: string
  readonly tableType: string
  readonly schema?: string
  readonly synchronize: boolean
  readonly comment?: string
  readonly columns: readonly ColumnMetadata[]
  readonly primaryColumns: readonly ColumnMetadata[]
  readonly uniques: readonly (Named & { deferrable?: string })[]
  readonly indices: readonly (Named & {
    isUnique: boolean
    isSpatial?: boolean
    where?: string
    type?: string
  })[]
  readonly foreignKeys: readonly {
    name: string
    columnNames: readonly string[]
    referencedColumnNames: readonly string[]
    referencedEntityMetadata: EntityMetadata
    onDelete?: string
    onUpdate?: string
    deferrable?: string
  }[]
  readonly checks: readonly { name: string; expression: string }[]
  readonly exclusions: readonly { name: string; expression: string }[]
  readonly expression?: unknown
  readonly tableMetadataArgs?: { readonly materialized?: boolean }
}

/**
 * The tables and views of a TypeORM DataSource, as its own `synchronize` would make them: with join tables, closure
 * tables, single-table inheritance and embedded columns. The DataSource must be initialized, because only then has it
 * read its entities; nothing is sent to the database.
 */
export function typeorm(dataSource: TypeormDataSource, options: TablesFromOptions = {}): ModelSchema {
  if (!dataSource?.isInitialized) {
    throw new EnginelightError(
      'EL_CONFIG',
      'tablesFrom.typeorm needs a DataSource that is initialized: TypeORM reads the entities in `await dataSource.initialize()`.',
      { option: 'dataSource' },
    )
  }
  const driver = dataSource.driver as Driver
  const fallback = options.defaultSchema ?? driver.options.schema ?? driver.schema ?? 'public'
  const entities = dataSource.entityMetadatas as readonly EntityMetadata[]
  const tables = entities
    // Children in single-table inheritance share their parent's table, which has the columns of all.
    .filter(({ tableType }) => tableType !== 'entity-child')
    .map(entity => tableOf(entity, dataSource, driver, fallback))
  return modelSchema('typeorm', { tables }, options)
}

function tableOf(
  entity: EntityMetadata,
  dataSource: TypeormDataSource,
  driver: Driver,
  fallback: string,
): DraftTable {
  const schema = entity.schema ?? fallback
  const isView = entity.tableType === 'view'
  const primary = isView ? [] : entity.primaryColumns
  return {
    schema,
    name: entity.tableName,
    kind: isView ? (entity.tableMetadataArgs?.materialized ? 'materialized view' : 'view') : 'table',
    columns: entity.columns
      .filter(column => !column.isVirtualProperty)
      .map(column => columnOf(column, entity, schema, driver, isView)),
    primaryKey:
      primary.length > 0
        ? { name: primaryKeyName(entity, driver, dataSource), columns: names(primary) }
        : null,
    uniques: entity.uniques.map((unique): UniqueKey => ({
      name: unique.name,
      columns: names(unique.columns),
      deferrable: deferrable(unique.deferrable),
    })),
    foreignKeys: entity.foreignKeys.map((key): ForeignKey => ({
      name: key.name,
      columns: key.columnNames,
      references: {
        schema: key.referencedEntityMetadata.schema ?? fallback,
        table: key.referencedEntityMetadata.tableName,
        columns: key.referencedColumnNames,
      },
      onUpdate: action(key.onUpdate),
      onDelete: action(key.onDelete),
      deferrable: deferrable(key.deferrable),
    })),
    checks: entity.checks.map((check): Constraint => ({
      name: check.name,
      definition: `CHECK (${check.expression})`,
    })),
    exclusions: entity.exclusions.map((exclusion): Constraint => ({
      name: exclusion.name,
      definition: `EXCLUDE ${exclusion.expression}`,
    })),
    indexes: entity.indices.map((index): Index =>
      columnIndex(index.name, names(index.columns), {
        unique: index.isUnique,
        method: index.isSpatial ? 'gist' : (index.type ?? 'btree'),
        predicate: index.where || null,
      }),
    ),
    comment: entity.comment ?? null,
  }
}

function columnOf(
  column: ColumnMetadata,
  entity: EntityMetadata,
  schema: string,
  driver: Driver,
  isView: boolean,
): DraftColumn {
  const type = driver.normalizeType(column)
  const isUuid = type === 'uuid'
  const isCounted = column.isGenerated && !isUuid
  const isIdentity = isCounted && column.generationStrategy === 'identity'
  const expression = driver.normalizeDefault(column)
  return {
    name: column.databaseName,
    type: fullType(column, type, driver),
    hostType: typeof column.type === 'string' ? column.type : (column.type?.name ?? 'unknown'),
    isArray: column.isArray,
    ...(type === 'enum' && {
      enumType: {
        ...enumName(column, entity, schema),
        values: (column.enum ?? []).map(String),
      },
    }),
    // In PostgreSQL every column of a view is nullable.
    nullable: isView || column.isNullable,
    default:
      expression ?? (column.isGenerated && isUuid ? (driver.uuidGenerator ?? 'uuid_generate_v4()') : null),
    isSerial: isCounted && !isIdentity,
    identity: isIdentity ? (column.generatedIdentity === 'ALWAYS' ? 'always' : 'by default') : null,
    // TypeORM creates a virtual column as a plain one.
    generated: column.generatedType === 'STORED' ? (column.asExpression ?? null) : null,
    generation: 'stored',
    collation: column.collation ?? null,
    comment: column.comment ?? null,
    definition: column,
  }
}

/** TypeORM writes length and precision itself; the word `array` that it adds is also given by `isArray`. */
function fullType(column: ColumnMetadata, type: string, driver: Driver): string {
  // A view's column may name no type.
  if (type === '') return 'unknown'
  const { precision, scale, spatialFeatureType, srid } = column
  return driver
    .createFullType({
      type,
      precision,
      scale,
      spatialFeatureType,
      srid,
      length: driver.getColumnLength(column),
      isArray: false,
    })
    .toLowerCase()
}

function enumName(
  column: ColumnMetadata,
  entity: EntityMetadata,
  schema: string,
): { schema: string; name: string } {
  const name = column.enumName ?? `${entity.tableName}_${column.databaseName.toLowerCase()}_enum`
  const [first = '', ...rest] = name.split('.')
  return rest.length > 0 ? { schema: first, name: rest.join('.') } : { schema, name }
}

function primaryKeyName(
  entity: EntityMetadata,
  driver: Driver,
  { namingStrategy }: TypeormDataSource,
): string {
  const chosen = entity.primaryColumns[0]!.primaryKeyConstraintName
  if (chosen) return chosen
  const { tableName, schema } = entity
  // The table name as `synchronize` passes it to the strategy: without the DataSource's own schema.
  const name = schema === undefined || schema === driver.options.schema ? tableName : `${schema}.${tableName}`
  const strategy = namingStrategy as { primaryKeyName(table: object, columns: readonly string[]): string }
  return strategy.primaryKeyName({ name, schema }, names(entity.primaryColumns))
}

function names(columns: readonly ColumnMetadata[]): string[] {
  return columns.map(column => column.databaseName)
}
