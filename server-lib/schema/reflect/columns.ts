import type { Queryable } from './queryable.ts'
import { qualifiedName } from './schema-name.ts'

/** A row of pg_attribute, with its type still a number. */
export interface ColumnRow {
  readonly relation: number
  readonly number: number
  readonly name: string
  readonly typeId: number
  readonly type: string
  readonly notNull: boolean
  readonly identity: '' | 'a' | 'd'
  readonly generated: '' | 's' | 'v'
  /** Of a default or of a generated column. */
  readonly expression: string | null
  readonly collation: string | null
  readonly comment: string | null
}

const TEXT = `
select a.attrelid as relation, a.attnum as number, a.attname::text as name, a.atttypid as "typeId",
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull",
  a.attidentity::text as identity, a.attgenerated::text as generated,
  pg_catalog.pg_get_expr(e.adbin, e.adrelid) as expression,
  ${qualifiedName('kn', 'k.collname')} as collation,
  d.description as comment
from pg_catalog.pg_attribute a
left join pg_catalog.pg_attrdef e on a.atthasdef and e.adrelid = a.attrelid and e.adnum = a.attnum
left join pg_catalog.pg_type t on a.attcollation <> 0 and t.oid = a.atttypid
left join pg_catalog.pg_collation k on k.oid = a.attcollation and a.attcollation <> t.typcollation
left join pg_catalog.pg_namespace kn on kn.oid = k.collnamespace
left join pg_catalog.pg_description d
  on d.objoid = a.attrelid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = a.attnum
where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum`

/** The columns of relations, by relation, in the order in which they were created, without dropped ones. */
export async function readColumns(
  session: Queryable,
  relations: readonly number[],
): Promise<Map<number, ColumnRow[]>> {
  const { rows } = await session.query(TEXT, [relations])
  return groupedBy(rows as ColumnRow[], row => row.relation)
}

/** `Map.groupBy`, which Node 20 lacks. */
export function groupedBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}
