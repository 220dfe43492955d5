import { groupedBy } from './columns.ts'
import type { Queryable } from './queryable.ts'
import { schemaName } from './schema-name.ts'

/** A row of pg_constraint, with its columns still numbers. */
export interface ConstraintRow {
  readonly relation: number
  readonly name: string
  /** Primary key, unique, foreign key, check, exclusion, or a NOT NULL that is not validated. */
  readonly kind: 'p' | 'u' | 'f' | 'c' | 'x' | 'n'
  readonly columns: readonly number[] | null
  readonly index: number
  readonly deferrable: boolean
  readonly deferred: boolean
  readonly valid: boolean
  readonly inherited: boolean
  readonly onUpdate: Action
  readonly onDelete: Action
  readonly match: 's' | 'f' | 'p' | ' '
  readonly onDeleteColumns: readonly number[] | null
  /** WITHOUT OVERLAPS, or with a PERIOD. */
  readonly temporal: boolean
  readonly otherSchema: string | null
  readonly otherTable: string | null
  readonly otherColumns: readonly string[] | null
  readonly definition: string | null
}

export type Action = 'a' | 'r' | 'c' | 'n' | 'd' | ' '

/**
 * A foreign key to a partitioned table also has one row for each partition of that table, which points there. Those are
 * internal to the server and not keys of the table; their parent points somewhere else. Rows that a partition has
 * inherited point where their parent does, and stay.
 *
 * NOT NULL is read only if it is not validated, as in PostgreSQL 18; the others are in pg_attribute.
 */
const text = (version: number) => `
select c.conrelid as relation, c.conname::text as name, c.contype::text as kind, c.conkey as columns,
  c.conindid as index, c.condeferrable as deferrable, c.condeferred as deferred,
  ${version >= 180_000 ? 'c.convalidated and c.conenforced' : 'c.convalidated'} as valid,
  c.coninhcount > 0 as inherited,
  c.confupdtype::text as "onUpdate", c.confdeltype::text as "onDelete", c.confmatchtype::text as match,
  ${version >= 150_000 ? 'c.confdelsetcols' : 'null::int2[]'} as "onDeleteColumns",
  ${version >= 180_000 ? 'c.conperiod' : 'false'} as temporal,
  ${schemaName('fn')} as "otherSchema", f.relname::text as "otherTable",
  case when c.contype = 'f' then (
    select pg_catalog.array_agg(a.attname::text order by k.at)
    from pg_catalog.unnest(c.confkey) with ordinality k (number, at)
    join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number
  ) end as "otherColumns",
  case when c.contype in ('c', 'x') then pg_catalog.pg_get_constraintdef(c.oid) end as definition
from pg_catalog.pg_constraint c
left join pg_catalog.pg_constraint parent on c.contype = 'f' and parent.oid = c.conparentid
left join pg_catalog.pg_class f on f.oid = c.confrelid
left join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
where c.conrelid = any ($1::oid[])
  and (c.contype in ('p', 'u', 'f', 'c', 'x') or c.contype = 'n' and not c.convalidated)
  and (parent.oid is null or parent.confrelid = c.confrelid)`

/** The constraints of relations, by their relation. */
export async function readConstraints(
  session: Queryable,
  relations: readonly number[],
  version: number,
): Promise<Map<number, ConstraintRow[]>> {
  const { rows } = await session.query(text(version), [relations])
  return groupedBy(rows as ConstraintRow[], row => row.relation)
}
