/** The parts of a column that we read. */
export interface DrizzleColumn {
  readonly name: string
  /** Whether it was declared without a name, and gets one by `casing`. */
  readonly keyAsName?: boolean
  readonly notNull: boolean
  readonly primary: boolean
  readonly isUnique?: boolean
  readonly uniqueName?: string
  readonly uniqueType?: string
  readonly default?: unknown
  readonly generated?: { readonly as: unknown }
  readonly generatedIdentity?: { readonly type: string }
  readonly table: object
  /** For an array. */
  readonly baseColumn?: DrizzleColumn
  readonly enum?: DrizzleEnum
  getSQLType(): string
  mapToDriverValue(value: unknown): unknown
}

export interface DrizzleEnum {
  readonly enumName: string
  readonly enumValues: readonly string[]
  readonly schema?: string
}

/** What Drizzle puts on its objects, by the symbol's name. */
interface Marks {
  readonly entityKind: string
  readonly Name: string
  readonly Schema: string
  readonly Columns: Readonly<Record<string, DrizzleColumn>>
  /** The third argument of `pgTable`, and the argument it is called with. */
  readonly ExtraConfigBuilder: (columns: object) => unknown
  readonly ExtraConfigColumns: object
  readonly PgInlineForeignKeys: Readonly<Record<string, object>>
  readonly ViewBaseConfig: {
    readonly name: string
    readonly schema?: string
    readonly selectedFields: Readonly<Record<string, object>>
  }
  readonly isPgEnum: boolean
}

/**
 * What Drizzle has put on an object under one of its symbols. They are made with `Symbol.for`, so that two copies of
 * Drizzle understand each other's tables; this code reads them without importing either.
 */
export function marked<Mark extends keyof Marks>(of: object, mark: Mark): Marks[Mark] | undefined {
  return (of as Record<symbol, Marks[Mark]>)[Symbol.for(`drizzle:${mark}`)]
}

/**
 * `PgTable`, `PgView`, `PgIndex` …; undefined for anything that is not Drizzle's. A view is a proxy, whose constructor
 * has no such name.
 */
export function kindOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { constructor } = (Object.getPrototypeOf(value) as { constructor?: object } | null) ?? {}
  return constructor ? marked(constructor, 'entityKind') : undefined
}

export function isEnum(value: unknown): value is DrizzleEnum {
  return typeof value === 'function' && marked(value, 'isPgEnum') === true
}

/** Writes Drizzle's names and expressions as SQL. */
export interface Writer {
  name(column: DrizzleColumn): string
  sql(expression: object): string
  /** A default: an expression, or a value as the driver would get it. */
  literal(value: unknown, column: DrizzleColumn): string
}

export function writer(casing: 'snake_case' | 'camelCase' | undefined): Writer {
  const name = (column: DrizzleColumn) =>
    column.keyAsName === true && casing !== undefined ? cased(column.name, casing) : column.name
  const config = {
    casing: { getColumnCasing: name },
    escapeName: (text: string) => `"${text.replaceAll('"', '""')}"`,
    escapeParam: (index: number) => `$${index + 1}`,
    escapeString: quoted,
    inlineParams: true,
    paramStartIndex: { value: 0 },
    // Columns without their table, as in an index and a check.
    invokeSource: 'indexes',
  }
  const sql = (expression: object) =>
    (expression as { toQuery(with_: object): { sql: string } }).toQuery(config).sql
  return {
    name,
    sql,
    literal(value, column) {
      if (kindOf(value) === 'SQL') return sql(value as object)
      const sent = column.mapToDriverValue(value)
      if (typeof sent === 'number' || typeof sent === 'boolean' || typeof sent === 'bigint')
        return String(sent)
      if (sent instanceof Date) return quoted(sent.toISOString())
      return quoted(typeof sent === 'string' ? sent : JSON.stringify(sent))
    },
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Turns `createdAt` into `created_at`, as `drizzle({ casing })` does. */
function cased(name: string, casing: 'snake_case' | 'camelCase'): string {
  const words = (name.replace(/['\u2019]/g, '').match(/[\da-z]+|[A-Z]+(?![a-z])|[A-Z][\da-z]+/g) ?? []).map(
    word => word.toLowerCase(),
  )
  return casing === 'snake_case'
    ? words.join('_')
    : words.map((word, at) => (at === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('')
}
