import { EnginelightError } from '../../channels/errors.ts'
import type { Constraint, ForeignKey, Index, ModelSchema, UniqueKey } from '../table.ts'
import { action, columnIndex, deferrable, type DraftColumn, type DraftTable } from './drafts.ts'
import type { TablesFromOptions } from './host-column.ts'
import { modelSchema } from './model-schema.ts'

/** What we use of MikroORM, 6 or 7: its schema generator, which knows what it would create. */
export interface MikroOrm {
  readonly schema: object
  readonly em: object
}

interface Platform {
  /** The keys of an index; those into JSON documents are expressions. */
  getJsonIndexDefinition(index: TargetIndex): readonly string[]
}

interface TargetSchema {
  readonly name?: string
  getTables(): readonly TargetTable[]
  getViews?(): readonly { name: string; schema?: string; materialized?: boolean }[]
  getNativeEnums(): Record<string, NativeEnum>
}

interface NativeEnum {
  readonly name: string
  readonly schema?: string
  readonly items: readonly string[]
}

interface TargetTable {
  readonly name: string
  readonly schema?: string
  readonly comment?: string
  getColumns(): readonly TargetColumn[]
  getIndexes(): readonly TargetIndex[]
  getChecks(): readonly { name: string; expression: unknown; columnName?: string }[]
  getForeignKeys(): Record<string, TargetForeignKey>
  getPrimaryKey(): TargetIndex | undefined
}

interface TargetColumn {
  readonly name: string
  readonly type: string
  readonly autoincrement?: boolean
  readonly nullable?: boolean
  readonly default?: string | null
  readonly comment?: string
  readonly collation?: string
  readonly generated?: string
  readonly nativeEnumName?: string
  readonly enumItems?: readonly string[]
  readonly mappedType: { readonly constructor: { readonly name: string } }
}

interface TargetIndex {
  readonly columnNames: readonly string[]
  readonly keyName: string
  readonly unique: boolean
  readonly primary: boolean
  readonly constraint: boolean
  readonly expression?: string
  readonly deferMode?: string
  readonly type?: string | { readonly indexType?: string }
}

interface TargetForeignKey {
  readonly constraintName: string
  readonly columnNames: readonly string[]
  readonly referencedTableName: string
  readonly referencedColumnNames: readonly string[]
  readonly updateRule?: string
  readonly deleteRule?: string
  readonly deferMode?: string
}

/**
 * The tables of MikroORM's entities, as its schema generator would create them, with pivot tables, embeddables and
 * enums. The connection may be closed; nothing is sent to the database. An index that is written as a statement of its
 * own has no keys, but that statement as its `definition`.
 */
export function mikroOrm(orm: MikroOrm, options: TablesFromOptions = {}): ModelSchema {
  const generator = orm?.schema as { getTargetSchema?: () => TargetSchema } | undefined
  if (typeof generator?.getTargetSchema !== 'function') {
    throw new EnginelightError(
      'EL_CONFIG',
      'tablesFrom.mikroOrm needs what `await MikroORM.init(…)` of @mikro-orm/postgresql gives: it has no schema generator that knows its tables.',
      { option: 'orm' },
    )
  }
  const target = generator.getTargetSchema()
  const platform = (orm.em as { getPlatform(): Platform }).getPlatform()
  const fallback = options.defaultSchema ?? target.name ?? 'public'
  const nativeEnums = Object.values(target.getNativeEnums())
  const views = (target.getViews?.() ?? []).map((view): DraftTable => ({
    schema: view.schema ?? fallback,
    name: view.name,
    kind: view.materialized ? 'materialized view' : 'view',
    columns: [],
  }))
  return modelSchema(
    'mikro-orm',
    {
      tables: [...target.getTables().map(table => tableOf(table, nativeEnums, platform, fallback)), ...views],
      enums: nativeEnums.map(known => ({
        schema: known.schema ?? fallback,
        name: known.name,
        values: known.items,
        comment: null,
      })),
    },
    options,
  )
}

function tableOf(
  table: TargetTable,
  nativeEnums: readonly NativeEnum[],
  platform: Platform,
  fallback: string,
): DraftTable {
  const schema = table.schema ?? fallback
  const primary = table.getPrimaryKey()
  const indexes = table.getIndexes().filter(index => !index.primary)
  const isConstraint = ({ unique, columnNames, expression }: TargetIndex) =>
    unique && !expression && !columnNames.some(column => column.includes('.'))
  return {
    schema,
    name: table.name,
    columns: table.getColumns().map(column => columnOf(column, schema, nativeEnums, fallback, primary)),
    primaryKey: primary ? { name: primary.keyName, columns: primary.columnNames } : null,
    uniques: indexes.filter(isConstraint).map((index): UniqueKey => ({
      name: index.keyName,
      columns: index.columnNames,
      deferrable: deferrable(index.deferMode),
    })),
    foreignKeys: Object.values(table.getForeignKeys()).map(key => foreignKeyOf(key, fallback)),
    checks: checksOf(table),
    indexes: indexes.filter(index => !isConstraint(index)).map(index => indexOf(index, platform)),
    comment: table.comment ?? null,
  }
}

function indexOf(index: TargetIndex, platform: Platform): Index {
  const { keyName, columnNames, unique, type, expression } = index
  const method = (typeof type === 'string' ? type : type?.indexType) ?? 'btree'
  const written = columnNames.some(column => column.includes('.'))
    ? platform.getJsonIndexDefinition(index)
    : columnNames
  const keys = columnNames.map((column, at) =>
    column.includes('.') ? { column: null, expression: written[at] ?? null } : { column, expression: null },
  )
  const plain = { ...columnIndex(keyName, [], { unique, method }), keys }
  return expression === undefined ? plain : { ...plain, keys: [], definition: expression }
}

/** Removes the `stored` or `virtual` after an expression. */
function withoutGeneration(generated: string): string {
  const text = generated.trimEnd()
  const word = /(?:stored|virtual)$/i.exec(text)
  const before = word ? text.slice(0, word.index) : ''
  return before === before.trimEnd() ? generated : before.trimEnd()
}

function columnOf(
  column: TargetColumn,
  schema: string,
  nativeEnums: readonly NativeEnum[],
  fallback: string,
  primary: TargetIndex | undefined,
): DraftColumn {
  const { generated } = column
  const isIdentity = generated === 'identity' || generated === 'by default as identity'
  const name = column.nativeEnumName?.split('.').at(-1)
  const native = name === undefined ? undefined : nativeEnums.find(known => known.name === name)
  const isCounted = column.autoincrement === true && !generated && (primary?.columnNames.length ?? 1) === 1
  return {
    name: column.name,
    type: isChecked(column) ? 'text' : column.type,
    isArray: column.type.endsWith('[]'),
    ...(native && {
      enumType: { schema: native.schema ?? schema ?? fallback, name: native.name, values: native.items },
    }),
    nullable: column.nullable === true,
    default: isCounted || column.default === 'null' ? null : (column.default ?? null),
    isSerial: isCounted,
    identity: isIdentity ? (generated === 'identity' ? 'always' : 'by default') : null,
    generated: generated && !isIdentity ? withoutGeneration(generated) : null,
    ...(generated && { generation: /virtual\s*$/i.test(generated) ? 'virtual' : 'stored' }),
    collation: column.collation ?? null,
    comment: column.comment ?? null,
    definition: column,
  }
}

/** An enum without a type of its own is a text with a check. */
function isChecked({ nativeEnumName, enumItems, mappedType }: TargetColumn): boolean {
  return (
    !nativeEnumName &&
    mappedType.constructor.name === 'EnumType' &&
    (enumItems?.length ?? 0) > 0 &&
    enumItems!.every(item => typeof item === 'string')
  )
}

function checksOf(table: TargetTable): Constraint[] {
  const named = table.getChecks()
  const ofEnums = table
    .getColumns()
    .filter(column => isChecked(column) && !named.some(check => check.columnName === column.name))
    .map((column): Constraint => {
      const values = column.enumItems!.map(item => `'${item.replaceAll("'", "''")}'`)
      return {
        name: null,
        definition: `CHECK ("${column.name.replaceAll('"', '""')}" in (${values.join(', ')}))`,
      }
    })
  return [
    ...named.map(({ name, expression }): Constraint => ({
      name,
      definition: `CHECK (${String(expression)})`,
    })),
    ...ofEnums,
  ]
}

function foreignKeyOf(key: TargetForeignKey, fallback: string): ForeignKey {
  const [table = '', schema = fallback] = key.referencedTableName.split('.').reverse()
  return {
    name: key.constraintName,
    columns: key.columnNames,
    references: { schema, table, columns: key.referencedColumnNames },
    onUpdate: action(key.updateRule),
    onDelete: action(key.deleteRule),
    deferrable: deferrable(key.deferMode),
  }
}
