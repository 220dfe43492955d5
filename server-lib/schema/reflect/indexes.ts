import { groupedBy } from './columns.ts'
import type { Queryable } from './queryable.ts'

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
  i.indkey::text as columns, i.indnkeyatts as keys, k.oid is not null as "isConstraint",
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
