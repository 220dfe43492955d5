import { createRequire } from 'node:module'
import { byText } from '../reflect/order.ts'
import type { Schema, Table } from '../table.ts'

// Its import build is for bundlers: in Node only `require` finds its parts.
const { extractSchemas } = createRequire(import.meta.url)(
  'extract-pg-schema',
) as typeof import('extract-pg-schema')

/** What another program reports of tables, reduced to what is comparable. It reports nothing about partitions. */
export interface ComparedTable {
  table: string
  comment: string | null
  columns: unknown[]
  checks: string[]
  indexes: string[]
}

/** Asks extract-pg-schema, which uses connections of its own: it sees what is committed. */
export async function askOracle(url: string, schemas: string[]): Promise<ComparedTable[]> {
  const found = await extractSchemas(url, { schemas })
  return Object.values(found)
    .flatMap(({ tables }) => tables)
    .map(table => ({
      table: `${table.schemaName}.${table.name}`,
      comment: table.comment,
      columns: [...table.columns]
        .sort((a, b) => a.ordinalPosition - b.ordinalPosition)
        .map(column => ({
          name: column.name,
          type: column.type.fullName.split('.').pop(),
          isArray: column.isArray,
          nullable: column.isNullable,
          default: column.defaultValue,
          comment: column.comment,
          generated: column.generated === 'ALWAYS' && !column.isIdentity,
          identity: column.isIdentity ? column.generated.toLowerCase() : null,
          isPrimaryKey: column.isPrimaryKey,
          references: column.references
            .map(({ name, schemaName, tableName, columnName, onDelete, onUpdate }) =>
              `${name}: ${schemaName}.${tableName}.${columnName} ${onDelete} ${onUpdate}`.toLowerCase(),
            )
            .sort(byText),
        })),
      checks: table.checks.map(({ name, clause }) => `${name}: ${clause}`).sort(byText),
      indexes: table.indices
        .map(
          ({ name, isPrimary, isUnique }) =>
            `${name}${isPrimary ? ' primary' : ''}${isUnique ? ' unique' : ''}`,
        )
        .sort(byText),
    }))
    .sort((a, b) => byText(a.table, b.table))
}

/** Our description in the same form. */
export function likeOracle({ tables }: Schema): ComparedTable[] {
  return tables
    .filter(
      ({ kind, partitionOf }) => (kind === 'table' || kind === 'partitioned table') && partitionOf === null,
    )
    .map(table => ({
      table: `${table.schema}.${table.name}`,
      comment: table.comment,
      columns: table.columns.map(column => ({
        name: column.name,
        type: column.domain?.split('.').pop() ?? column.typeName,
        isArray: column.isArray,
        nullable: column.nullable,
        default: column.default,
        comment: column.comment,
        generated: column.generated !== null,
        identity: column.identity,
        // For a partitioned table it finds no primary key here, but does among the indexes.
        isPrimaryKey: table.kind === 'table' && (table.primaryKey?.columns.includes(column.name) ?? false),
        references: referencesOf(table, column.name),
      })),
      checks: table.checks.map(({ name, definition }) => `${name}: ${clauseOf(definition)}`).sort(byText),
      indexes: [
        ...(table.primaryKey ? [`${table.primaryKey.name} primary unique`] : []),
        ...table.uniques.map(({ name }) => `${name} unique`),
        ...table.exclusions.map(({ name }) => `${name}`),
        ...table.indexes.map(({ name, unique }) => `${name}${unique ? ' unique' : ''}`),
      ].sort(byText),
    }))
    .sort((a, b) => byText(a.table, b.table))
}

const referencesOf = ({ foreignKeys }: Table, column: string): string[] =>
  foreignKeys
    .flatMap(({ name, columns, references, onDelete, onUpdate }) =>
      columns
        .map((own, at) => ({ own, other: references.columns[at] }))
        .filter(({ own }) => own === column)
        .map(({ other }) =>
          `${name}: ${references.schema}.${references.table}.${other} ${onDelete} ${onUpdate}`.toLowerCase(),
        ),
    )
    .sort(byText)

/** Cut out as it does: without the brackets and what follows them. */
function clauseOf(definition: string): string {
  const clause = definition.slice('CHECK '.length).replace(/\)( NOT VALID| NO INHERIT| NOT ENFORCED)+$/, ')')
  return clause.replace(/^\(\((.*)\)\)$|^\((.*)\)$/s, '$1$2')
}
