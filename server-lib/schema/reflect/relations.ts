import type { RelationKind } from '../table.ts'
import type { Queryable } from './queryable.ts'
import { schemaName } from './schema-name.ts'

/** A row of pg_class that is some kind of table, before its columns are known. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  readonly partitionKey: string | null
  readonly partitionOf: { readonly schema: string; readonly table: string; readonly bounds: string } | null
  readonly comment: string | null
}

export interface Relations {
  /** PostgreSQL's `server_version_num`. */
  readonly version: number
  /** The schemas that were found, including those without a table. */
  readonly schemas: readonly string[]
  readonly relations: readonly Relation[]
}

/** At least one row for each schema, so that an empty one can be told from one that does not exist. */
const TEXT = `
select pg_catalog.current_setting('server_version_num')::int as version,
  ${schemaName('n')} as schema,
  c.oid, c.relname::text as name, c.relkind::text as kind, c.relispartition as "isPartition",
  case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as "partitionKey",
  ${schemaName('pn')} as "parentSchema", p.relname::text as parent,
  pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bounds,
  d.description as comment
from pg_catalog.pg_namespace n
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
left join pg_catalog.pg_inherits i on c.relispartition and i.inhrelid = c.oid
left join pg_catalog.pg_class p on p.oid = i.inhparent
left join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
left join pg_catalog.pg_description d
  on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0
where `

const USERS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`
const ON_PATH = `${USERS} and n.nspname = any (pg_catalog.current_schemas(false))`
const NAMED = `(n.nspname = any ($1::text[]) or 'pg_temp' = any ($1::text[]) and n.oid = pg_catalog.pg_my_temp_schema())`

/**
 * The relations on the session's search path if no schemas are given, and all that are not the server's own for `'*'`.
 */
export async function readRelations(
  session: Queryable,
  schemas: readonly string[] | '*' | undefined,
): Promise<Relations> {
  const { rows } = Array.isArray(schemas)
    ? await session.query(TEXT + NAMED, [schemas])
    : await session.query(TEXT + (schemas === '*' ? USERS : ON_PATH))
  return {
    version: Number(rows[0]?.version ?? 0),
    schemas: [...new Set<string>(rows.map(row => row.schema))],
    relations: rows.filter(row => row.oid !== null).map(relation),
  }
}

function relation(row: any): Relation {
  const { oid, schema, name, comment, partitionKey, parent, parentSchema, bounds } = row
  return {
    oid: Number(oid),
    schema,
    name,
    kind: kindOf(row.kind, row.isPartition),
    partitionKey,
    partitionOf: parent === null ? null : { schema: parentSchema, table: parent, bounds },
    comment,
  }
}

function kindOf(letter: 'r' | 'p' | 'f' | 'v' | 'm', isPartition: boolean): RelationKind {
  switch (letter) {
    case 'r':
      return isPartition ? 'partition' : 'table'
    case 'p':
      return 'partitioned table'
    case 'f':
      return 'foreign table'
    case 'v':
      return 'view'
    case 'm':
      return 'materialized view'
    default:
      return letter satisfies never
  }
}
