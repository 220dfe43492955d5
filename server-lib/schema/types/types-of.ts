import { isDeepStrictEqual } from 'node:util'
import { EnginelightError } from '../../channels/errors.ts'
import { callNames } from '../call-names.ts'
import { checkSchema } from '../check-schema.ts'
import { isOwnTable } from '../own-tables.ts'
import { byText } from '../reflect/order.ts'
import type { Column, EnumType, Schema, Table } from '../table.ts'
import { comment, DeclarationNames, isFreeName, literal, property } from './names.ts'
import { checkTypeMap, mappedType, type TypeMap } from './type-map.ts'
import { arrayType, INTERVAL, valueType, type ValueType } from './value-types.ts'

export interface TypesOptions {
  /** The name of the map from table name to its types, which `engine<ShopTables>()` takes. Default `Tables`. */
  name?: string
  /**
   * Schemas whose tables go by their name alone, as on the session's search path; if two share a name, the first schema
   * wins. All others go by `'schema.table'`. Default `['public']`.
   */
  searchPath?: readonly string[]
  typeMap?: TypeMap
  /** Lines at the top of the file, for the types of `typeMap`: `import type { Money } from './money.js'`. */
  imports?: readonly string[]
  /**
   * Whether partitions get types of their own: normally they are read through their partitioned table. Default false.
   */
  partitions?: boolean
}

/**
 * The TypeScript types of a reflected schema: for each table one interface for reading, one for inserts and one for
 * updates, and a map of them all for `engine<…>()`. Values have the types of pg's default parsers: `int8` and `numeric`
 * are strings, `json` is unknown, an array of an enum is a string. Columns with a default are optional in an insert;
 * generated columns and those that are `generated always as identity` cannot be written; views can only be read. The
 * two tables of `engines.install()` are left out. The same schema gives the same text.
 *
 * Throws EL_CONFIG for a `typeMap` that names an unknown column.
 */
export function typesOf(schema: Schema, options: TypesOptions = {}): string {
  const { name = 'Tables', searchPath = ['public'], typeMap = {}, imports = [], partitions = false } = options
  if (!isFreeName(name) || namesIn(imports).includes(name)) {
    throw new EnginelightError('EL_CONFIG', `name must be that of a type of its own, and not "${name}".`, {
      option: 'name',
    })
  }
  checkSchema('typesOf()', schema)
  checkTypeMap(typeMap, schema)
  const names = new DeclarationNames(name, ...namesIn(imports))
  const tables = schema.tables.filter(
    table => (partitions || table.partitionOf === null) && !isOwnTable(table),
  )
  const called = [...callNames(tables, searchPath)].sort(([a], [b]) => byText(a, b))
  const declared = called.map(
    ([callName, table]) => [callName, table, names.take(callName, ['Insert', 'Update'])] as const,
  )
  const used = new Map<EnumType, string>()
  const typeOf = (table: Table, column: Column): ValueType =>
    mappedType(typeMap, table, column) ?? columnType(column, schema.enums, used, names)
  const interfaces = declared.map(([, table, type]) =>
    tableTypes(table, type, column => typeOf(table, column)),
  )
  const entries = declared.map(([callName, table, type]) => {
    const written = isReadAlone(table) ? 'never, never, never' : `${type}Insert, ${type}Update`
    return `  ${property(callName)}: Knex.CompositeTableType<${type}, ${written}>\n`
  })
  const enums = [...used].map(
    ([{ values, comment: text }, type]) => `${comment(text, '')}export type ${type} = ${union(values)}\n`,
  )
  const body = [...enums, ...interfaces, `export interface ${name} {\n${entries.join('')}}\n`].join('\n')
  const head = [`import type { Knex } from 'knex'`, ...imports].join('\n')
  const interval = /\bInterval\b/.test(interfaces.join('')) ? `${INTERVAL}\n` : ''
  return `// Made by \`enginelight types\` from the database's catalogue: changes made here are lost.\n${head}\n\n${interval}${body}`
}

/** All words of the imports except file names: no declaration may have one of them as its name. */
const namesIn = (imports: readonly string[]): string[] =>
  imports.flatMap(
    line => line.replace(/(['"]).*?\1/g, '').match(/[\p{ID_Start}_$][\p{ID_Continue}$]*/gu) ?? [],
  )

const isReadAlone = ({ kind }: Table) => kind === 'view' || kind === 'materialized view'

function tableTypes(table: Table, name: string, typeOf: (column: Column) => ValueType): string {
  const { columns } = table
  const line = ({ name, comment: text, nullable }: Column, type: string, isOptional: boolean) =>
    `${comment(text, '  ')}  ${property(name)}${isOptional ? '?' : ''}: ${nullable ? orNull(type) : type}\n`
  const declaration = (suffix: string, lines: string[]) =>
    `export interface ${name}${suffix} {${lines.length === 0 ? '' : '\n'}${lines.join('')}}\n`
  const row = declaration(
    '',
    columns.map(column => line(column, typeOf(column).read, false)),
  )
  if (isReadAlone(table)) return comment(table.comment, '') + row
  const writable = columns.filter(({ generated, identity }) => generated === null && identity !== 'always')
  const plain = writable.map(column => ({ ...column, comment: null }))
  return [
    comment(table.comment, '') + row,
    declaration(
      'Insert',
      plain.map(column => line(column, typeOf(column).write, isOptional(column))),
    ),
    declaration(
      'Update',
      plain.map(column => line(column, typeOf(column).write, true)),
    ),
  ].join('\n')
}

const isOptional = ({ nullable, default: byDefault, identity }: Column) =>
  nullable || byDefault !== null || identity !== null

/** `unknown` includes null already. */
const orNull = (type: string) => (type === 'unknown' || type === 'any' ? type : `${type} | null`)

function columnType(
  { typeName, isArray, enumValues, domain, type }: Column,
  enums: readonly EnumType[],
  used: Map<EnumType, string>,
  names: DeclarationNames,
): ValueType {
  const element =
    enumValues === null ? valueType(typeName) : enumType(typeName, enumValues, enums, used, names)
  if (!isArray) return element
  // A domain over an array is sent as the array; an array of domains has a type that pg does not know.
  const isOfDomains = domain !== null && type.endsWith('[]')
  return arrayType(typeName, element, isOfDomains || enumValues !== null)
}

function enumType(
  typeName: string,
  values: readonly string[],
  enums: readonly EnumType[],
  used: Map<EnumType, string>,
  names: DeclarationNames,
): ValueType {
  const found = enums.find(({ name, values: its }) => name === typeName && isDeepStrictEqual(its, values))
  if (!found) return { read: union(values), write: union(values) }
  const type = used.get(found) ?? names.take(found.name)
  used.set(found, type)
  return { read: type, write: type }
}

const union = (values: readonly string[]) => values.map(literal).join(' | ') || 'never'
