import { EnginelightError } from '../../channels/errors.ts'
import type { ForeignKey, Index, IndexKey, Key, ModelSchema } from '../table.ts'
import { action, deferrable, type DraftColumn, type DraftTable } from './drafts.ts'
import { expressionKey, keyOrder } from './expression-key.ts'
import type { TablesFromOptions } from './host-column.ts'
import { modelSchema } from './model-schema.ts'

/** What we use of a Sequelize 6 instance. */
export interface SequelizeInstance {
  readonly models: object
  getQueryInterface(): object
}

interface QueryGenerator {
  escape(value: unknown, attribute?: object): string
  whereQuery(where: object): string
  handleSequelizeMethod(method: object): string
}

type TableName = string | { readonly tableName: string; readonly schema?: string }

interface Model {
  readonly tableAttributes: Record<string, Attribute>
  readonly uniqueKeys: Record<
    string,
    { readonly fields: readonly string[]; readonly name?: string | false; readonly customIndex?: boolean }
  >
  readonly options: { readonly comment?: string; readonly uniqueKeys?: Model['uniqueKeys'] }
  readonly _indexes: readonly IndexOptions[]
  getTableName(): TableName
}

interface DataType {
  readonly key?: string
  /** For an array: the type of its elements. */
  readonly type?: DataType
  readonly values?: readonly string[]
  toString(): string
}

interface Attribute {
  readonly type: DataType
  readonly field?: string
  readonly allowNull?: boolean
  readonly primaryKey?: boolean
  readonly autoIncrement?: boolean
  readonly autoIncrementIdentity?: boolean
  readonly defaultValue?: unknown
  readonly unique?: boolean | string | object
  readonly values?: readonly string[]
  readonly comment?: string
  readonly references?: {
    readonly model: TableName | { getTableName(): TableName }
    readonly key?: string
    readonly deferrable?: object
  }
  readonly onDelete?: string
  readonly onUpdate?: string
}

interface IndexField {
  readonly name?: string
  readonly attribute?: string
  readonly collate?: string
  readonly operator?: string
  /** `DESC`, `ASC NULLS FIRST` */
  readonly order?: string
}

interface IndexOptions {
  readonly name: string
  readonly unique?: boolean
  readonly using?: string
  readonly where?: object
  readonly operator?: string
  readonly fields: readonly (string | IndexField)[]
}

/**
 * The tables of a Sequelize instance's models, as `sync()` would make them: with the join tables of `belongsToMany`,
 * without VIRTUAL attributes. Defaults that Sequelize computes itself (`DataTypes.NOW`, `UUIDV4`, functions) are not
 * defaults of the database. Nothing is sent to the database.
 */
export function sequelize(instance: SequelizeInstance, options: TablesFromOptions = {}): ModelSchema {
  const models = Object.values(instance?.models ?? {}) as readonly Model[]
  if (typeof instance?.getQueryInterface !== 'function') {
    throw new EnginelightError(
      'EL_CONFIG',
      'tablesFrom.sequelize needs a Sequelize instance: it reads the models that were defined with it.',
      { option: 'sequelize' },
    )
  }
  const { queryGenerator } = instance.getQueryInterface() as { queryGenerator: QueryGenerator }
  const fallback = options.defaultSchema ?? 'public'
  return modelSchema(
    'sequelize',
    { tables: models.map(model => tableOf(model, queryGenerator, fallback)) },
    options,
  )
}

function tableOf(model: Model, sql: QueryGenerator, fallback: string): DraftTable {
  const { schema, table } = placeOf(model.getTableName(), fallback)
  const attributes = Object.entries(model.tableAttributes).map(([name, attribute]) => ({
    ...attribute,
    field: attribute.field ?? name,
  }))
  const primary = attributes.filter(({ primaryKey }) => primaryKey).map(({ field }) => field)
  return {
    schema,
    name: table,
    columns: attributes.map(attribute => columnOf(attribute, schema, table, sql)),
    primaryKey: primary.length > 0 ? { name: null, columns: primary } : null,
    uniques: [
      ...attributes
        .filter(({ unique }) => unique === true)
        .map(({ field }): Key => ({ name: null, columns: [field] })),
      ...Object.values(model.options.uniqueKeys ?? model.uniqueKeys)
        .filter(({ customIndex }) => customIndex !== false)
        .map(({ fields }): Key => ({ name: null, columns: fields })),
    ],
    foreignKeys: attributes
      .filter(({ references }) => references)
      .map(attribute => foreignKeyOf(attribute, schema, fallback)),
    indexes: model._indexes.map(index => indexOf(index, sql)),
    comment: model.options.comment ?? null,
  }
}

type NamedAttribute = Attribute & { readonly field: string }

function columnOf(
  attribute: NamedAttribute,
  schema: string,
  table: string,
  sql: QueryGenerator,
): DraftColumn {
  const { type, field, autoIncrement, autoIncrementIdentity } = attribute
  const element = type.key === 'ARRAY' && type.type ? type.type : type
  const hasDefault = isOfTheDatabase(attribute.defaultValue)
  const expression = hasDefault ? sql.escape(attribute.defaultValue, attribute) : null
  return {
    name: field,
    type: String(type),
    ...(type.key !== undefined && { hostType: type.key }),
    isArray: element !== type,
    ...(element.key === 'ENUM' && {
      enumType: {
        schema,
        name: `enum_${table}_${field}`,
        values: attribute.values ?? element.values ?? [],
      },
    }),
    nullable: attribute.allowNull !== false && !attribute.primaryKey,
    default: expression === 'NULL' ? null : expression,
    isSerial: autoIncrement === true && !autoIncrementIdentity,
    identity: autoIncrement && autoIncrementIdentity ? 'by default' : null,
    comment: typeof attribute.comment === 'string' ? attribute.comment : null,
    definition: attribute,
  }
}

/** By Sequelize's own rule: a function, NOW and the UUIDs are computed in Node at each insert. */
function isOfTheDatabase(value: unknown): boolean {
  if (value === undefined || typeof value === 'function') return false
  const key = (value as { key?: string } | null)?.key
  return key !== 'NOW' && key !== 'UUIDV1' && key !== 'UUIDV4'
}

function foreignKeyOf(attribute: NamedAttribute, schema: string, fallback: string): ForeignKey {
  const { model, key, deferrable: when } = attribute.references!
  const target =
    typeof model === 'object' && 'getTableName' in model
      ? model.getTableName()
      : typeof model === 'function'
        ? (model as unknown as Model).getTableName()
        : model
  // A name without a schema is in the schema of the referring table.
  const place = placeOf(target, typeof target === 'string' ? schema : fallback)
  return {
    name: null,
    columns: [attribute.field],
    references: { ...place, columns: [key ?? 'id'] },
    onUpdate: action(attribute.onUpdate),
    onDelete: action(attribute.onDelete),
    deferrable: deferrable(when ? deferMode(when) : null),
  }
}

/** `Deferrable.INITIALLY_DEFERRED` is a class, or an instance of it. */
function deferMode(when: object): string {
  const { toSql } = when as { toSql?: () => string }
  return typeof toSql === 'function' ? toSql.call(when) : ((when as { name?: string }).name ?? '')
}

function indexOf(index: IndexOptions, sql: QueryGenerator): Index {
  return {
    name: index.name,
    method: index.using?.toLowerCase() ?? 'btree',
    unique: index.unique === true,
    keys: index.fields.map((given): IndexKey => {
      const field = typeof given === 'string' ? { name: given } : given
      const column = field.attribute ?? field.name
      if (column === undefined) return expressionKey(sql.handleSequelizeMethod(field))
      const [, direction, nulls] =
        /^\s*(asc|desc)?(?:\s*nulls\s+(first|last))?/i.exec(field.order ?? '') ?? []
      return {
        column,
        expression: null,
        collation: field.collate ?? null,
        operatorClass: field.operator ?? index.operator ?? null,
        ...keyOrder(direction, nulls),
      }
    }),
    predicate: index.where ? sql.whereQuery(index.where).replace(/^\s*WHERE\s+/i, '') : null,
    definition: null,
  }
}

function placeOf(name: TableName, fallback: string): { schema: string; table: string } {
  return typeof name === 'string'
    ? { schema: fallback, table: name }
    : { schema: name.schema || fallback, table: name.tableName }
}
