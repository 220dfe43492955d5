import { withoutModifiers } from './column-type.ts'
/** A column as its host's models have it, for a `typeMap` function. */
export interface HostColumn {
  readonly host: 'typeorm' | 'sequelize' | 'drizzle' | 'mikro-orm' | 'objection'
  readonly schema: string
  readonly table: string
  readonly column: string
  /** As the model names it. */
  readonly type: string
  /** The host's own object for it: TypeORM's ColumnMetadata, Sequelize's attribute, Drizzle's column, … */
  readonly definition: unknown
}

/** Returns the column's PostgreSQL type, as in `create table`; undefined leaves it as it is. */
export type TypeOf = (column: HostColumn) => string | undefined

export interface TablesFromOptions {
  /**
   * PostgreSQL types for the models' own type names (`{ money_amount: 'numeric(12,2)' }`), or a function of the column.
   * Takes precedence over the known types. A type that neither knows is listed in `unknownTypes`.
   */
  readonly typeMap?: Readonly<Record<string, string | TypeOf>> | TypeOf
  /** The schema of tables whose model names none. Default: the host's configured one, else `public`. */
  readonly defaultSchema?: string
}

/** The `typeMap` entry for a column: by the host's name of the type, by its SQL, or by its SQL without the length. */
export function mappedType(
  column: HostColumn,
  sqlType: string,
  { typeMap }: TablesFromOptions,
): string | undefined {
  if (typeMap === undefined) return undefined
  if (typeof typeMap === 'function') return typeMap(column)
  const name = [column.type, sqlType, withoutModifiers(sqlType)].find(name => Object.hasOwn(typeMap, name))
  const entry = name === undefined ? undefined : typeMap[name]
  return typeof entry === 'function' ? entry(column) : entry
}
