import { groupedBy } from './columns.ts'
import type { Queryable } from './queryable.ts'
import { qualifiedName } from './schema-name.ts'

/** A row of pg_index, its columns still numbers. */
export interface IndexRow {
  readonly relation: number
  readonly oid: number
  readonly name: string
  readonly method: string
  readonly unique: boolean
  readonly valid: boolean
  readonly nullsNotDistinct: boolean
  /** Numbers of columns with blanks between them, 0 for an expression: first the keys, then those of INCLUDE. */
  readonly columns: string
  readonly keys: number
  /** Of each key, with blanks between them: 1 where it is descending, 2 where nulls come first, 3 for both. */
  readonly options: string
  /** Of each key, null for the default. Null of a constraint's. */
  readonly operatorClasses: readonly (string | null)[] | null
  /** As those. */
  readonly collations: readonly (string | null)[] | null
  readonly isConstraint: boolean
  /** Of the keys that are no columns, in their order. Null of a constraint's. */
  readonly expressions: readonly string[] | null
  readonly predicate: string | null
  readonly definition: string | null
}

/** What a constraint made is in the constraint; printing it again would only cost time. */
const text = (version: number) => `
select i.indrelid as relation, i.indexrelid as oid, c.relname::text as name, m.amname::text as method,
  i.indisunique as unique, i.indisvalid as valid,
  ${version >= 150_000 ? 'i.indnullsnotdistinct' : 'false'} as "nullsNotDistinct",
  i.indkey::text as columns, i.indnkeyatts as keys, i.indoption::text as options,
  keys.classes as "operatorClasses", keys.collations, k.oid is not null as "isConstraint",
  case when k.oid is null and i.indexprs is not null then (
    select pg_catalog.array_agg(pg_catalog.pg_get_indexdef(i.indexrelid, n, false) order by n)
    from pg_catalog.generate_series(1, i.indnkeyatts) n where i.indkey[n - 1] = 0
  ) end as expressions,
  case when k.oid is null then pg_catalog.pg_get_expr(i.indpred, i.indrelid) end as predicate,
  case when k.oid is null then pg_catalog.pg_get_indexdef(i.indexrelid) end as definition
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_am m on m.oid = c.relam
left join pg_catalog.pg_constraint k
  on k.conrelid = i.indrelid and k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
cross join lateral (
  select
    pg_catalog.array_agg(case when o.opcdefault and (o.opcintype = t.oid or d.oid is null) then null
      else ${qualifiedName('s', 'o.opcname')} end order by n) as classes,
    pg_catalog.array_agg(${qualifiedName('cs', 'l.collname')} order by n) as collations
  from pg_catalog.generate_series(1, i.indnkeyatts) n
  join pg_catalog.pg_attribute a on i.indkey[n - 1] = 0 and a.attrelid = i.indexrelid and a.attnum = n
    or i.indkey[n - 1] <> 0 and a.attrelid = i.indrelid and a.attnum = i.indkey[n - 1]
  left join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_opclass o on o.oid = i.indclass[n - 1]
  join pg_catalog.pg_namespace s on s.oid = o.opcnamespace
  left join pg_catalog.pg_opclass d on d.opcmethod = o.opcmethod and d.opcintype = t.oid and d.opcdefault
  left join pg_catalog.pg_collation l on l.oid = i.indcollation[n - 1]
    and l.oid <> case when i.indkey[n - 1] = 0 then t.typcollation else a.attcollation end
  left join pg_catalog.pg_namespace cs on cs.oid = l.collnamespace
  where k.oid is null
) keys
where i.indrelid = any ($1::oid[])`

/** The indexes of relations, by their relation; those that constraints made among them. */
export async function readIndexes(
  session: Queryable,
  relations: readonly number[],
  version: number,
): Promise<Map<number, IndexRow[]>> {
  const { rows } = await session.query(text(version), [relations])
  return groupedBy(rows as IndexRow[], row => row.relation)
}
