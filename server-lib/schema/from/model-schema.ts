import { bySchemaAndName } from '../reflect/order.ts'
import type { Column, EnumType, ModelSchema, Table, UnknownType, Unsaid } from '../table.ts'
import { readType, withoutBrackets, withoutModifiers } from './column-type.ts'
import type { DraftColumn, DraftTable, Drafts } from './drafts.ts'
import { withKeptNames } from './kept-names.ts'
import { mappedType, type HostColumn, type TablesFromOptions } from './host-column.ts'

/**
 * Makes a schema from a host's description: types as PostgreSQL writes them, unknown types listed, everything sorted.
 */
export function modelSchema(
  host: HostColumn['host'],
  drafts: Drafts,
  options: TablesFromOptions,
): ModelSchema {
  const enums = new Map<string, EnumType>()
  for (const known of drafts.enums ?? []) enums.set(qualified(known), known)
  for (const { columns } of drafts.tables) {
    for (const { enumType } of columns) {
      if (enumType) enums.set(qualified(enumType), { ...enumType, comment: null })
    }
  }
  const unknownTypes: UnknownType[] = []
  const tables = drafts.tables.map((given): Table => {
    const draft = withKeptNames(given)
    const { schema, name, kind = 'table' } = draft
    return {
      schema,
      name,
      kind,
      columns: draft.columns.map(column => {
        const of: HostColumn = {
          host,
          schema,
          table: name,
          column: column.name,
          type: column.hostType ?? column.type,
          definition: column.definition,
        }
        const typed = typeOf(column, mappedType(of, column.type, options), enums)
        if (typed.isUnknown)
          unknownTypes.push({ schema, table: name, column: column.name, type: column.type })
        return finished(draft, column, typed)
      }),
      primaryKey: draft.primaryKey ?? null,
      uniques: draft.uniques ?? [],
      foreignKeys: draft.foreignKeys ?? [],
      checks: draft.checks ?? [],
      exclusions: draft.exclusions ?? [],
      indexes: draft.indexes ?? [],
      partitionOf: null,
      comment: draft.comment ?? null,
    }
  })
  return {
    tables: tables.sort(bySchemaAndName),
    enums: [...enums.values()].sort(bySchemaAndName),
    unknownTypes: unknownTypes.sort((a, b) => bySchemaAndName(place(a), place(b))),
    unsaid: UNSAID[host],
  }
}

const UNSAID: Record<HostColumn['host'], readonly Unsaid[]> = {
  typeorm: [],
  sequelize: ['generated', 'collation', 'check', 'exclusion'],
  drizzle: ['collation', 'deferrability', 'exclusion'],
  'mikro-orm': ['exclusion'],
  objection: [
    ...(['type', 'default', 'identity', 'generated', 'collation', 'unique'] as const),
    ...(['foreign key', 'foreign key action', 'deferrability', 'check', 'exclusion', 'index'] as const),
  ],
}

type Typed = Pick<Column, 'type' | 'typeName' | 'isArray' | 'enumValues'> & {
  readonly isSerial: boolean
  readonly isUnknown: boolean
}

function typeOf(
  column: DraftColumn,
  mapped: string | undefined,
  enums: ReadonlyMap<string, EnumType>,
): Typed {
  const text = mapped ?? column.type
  const { element, isArray: hasBrackets } = withoutBrackets(text)
  const isArray = hasBrackets || (mapped === undefined && column.isArray === true)
  const brackets = isArray ? '[]' : ''
  const type =
    mapped === undefined && column.enumType ? column.enumType : enumNamed(element.replaceAll('"', ''), enums)
  if (type) {
    const { name, values } = type
    return {
      type: written(type) + brackets,
      typeName: name,
      isArray,
      enumValues: values,
      isSerial: false,
      isUnknown: false,
    }
  }
  const read = readType(element + brackets)
  if (read) return { ...read, enumValues: null, isUnknown: false }
  // A mapped type is the developer's own: it may be a domain, or from an extension that we do not know.
  return {
    type: element + brackets,
    typeName: withoutModifiers(element).split('.').at(-1)!.replaceAll('"', ''),
    isArray,
    enumValues: null,
    isSerial: false,
    isUnknown: mapped === undefined,
  }
}

function enumNamed(name: string, enums: ReadonlyMap<string, EnumType>): EnumType | undefined {
  return enums.get(name) ?? enums.get(`public.${name}`)
}

function finished(table: DraftTable, column: DraftColumn, typed: Typed): Column {
  const { isSerial, isUnknown: _, ...type } = typed
  const serial = isSerial || column.isSerial === true
  return {
    name: column.name,
    ...type,
    // A column of a primary key is never null, whatever the model says of it.
    nullable: column.nullable && !serial && !table.primaryKey?.columns.includes(column.name),
    default: serial ? nextOfSequence(table, column.name) : (column.default ?? null),
    identity: column.identity ?? null,
    generated: column.generated ?? null,
    ...(column.generated && column.generation && { generation: column.generation }),
    domain: null,
    collation: column.collation ?? null,
    comment: column.comment ?? null,
  }
}

/** The default that `serial` stands for. PostgreSQL shortens a long name; names of sequences are not compared. */
function nextOfSequence({ schema, name }: DraftTable, column: string): string {
  const sequence = written({ schema, name: `${name}_${column}_seq` })
  return `nextval('${sequence.replaceAll("'", "''")}'::regclass)`
}

/** As PostgreSQL writes it with `public` on the search path. */
function written({ schema, name }: { schema: string; name: string }): string {
  return schema === 'public' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function qualified({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`
}

function place({ schema, table, column }: UnknownType): { schema: string; name: string } {
  return { schema, name: `${table}.${column}` }
}
