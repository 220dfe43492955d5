import { groupedBy } from './columns.ts'
import type { Queryable } from './queryable.ts'
import { qualifiedName } from './schema-name.ts'

/** A row of pg_index, with its columns still numbers. */
export interface IndexRow {
  readonly relation: number
  readonly oid: number
  readonly name: string
  readonly method: string
  readonly unique: boolean
  readonly valid: boolean
  readonly nullsNotDistinct: boolean
  /** Column numbers separated by blanks, 0 for an expression: first the keys, then the INCLUDE columns. */
  readonly columns: string
  readonly keys: number
  /** One number for each key, separated by blanks: 1 for descending, 2 for nulls first, 3 for both. */
  readonly options: string
  /** One for each key, null for the default. Null for a constraint's index. */
  readonly operatorClasses: readonly (string | null)[] | null
  /** As `operatorClasses`. */
  readonly collations: readonly (string | null)[] | null
  readonly isConstraint: boolean
  /** The keys that are expressions, in order. Null for a constraint's index. */
  readonly expressions: readonly string[] | null
  readonly predicate: string | null
  readonly definition: string | null
}

/**
 * An index made by a constraint is described by the constraint; printing it again would only cost time. So would
 * looking up collations and operator classes index by index: they are found for all keys together.
 */
const text = (version: number) => `
with wanted as materialized (
  select i.*, c.relname, c.relam, k.oid is not null as made
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  left join pg_catalog.pg_constraint k
    on k.conrelid = i.indrelid and k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
  where i.indrelid = any ($1::oid[])
), keys as materialized (
  select w.indexrelid as index, n, w.indclass[n - 1] as class, w.indcollation[n - 1] as sorting,
    case when w.indkey[n - 1] = 0 then w.indexrelid else w.indrelid end as relation,
    case when w.indkey[n - 1] = 0 then n else w.indkey[n - 1] end as number
  from wanted w
  cross join lateral pg_catalog.generate_series(1, w.indnkeyatts) n
  where not w.made
), ways as (
  select keys.index,
    pg_catalog.array_agg(case when o.opcdefault and (o.opcintype = t.oid or d.oid is null) then null
      else ${qualifiedName('os', 'o.opcname')} end order by keys.n) as classes,
    pg_catalog.array_agg(${qualifiedName('ls', 'l.collname')} order by keys.n) as collations
  from keys
  join pg_catalog.pg_attribute a on a.attrelid = keys.relation and a.attnum = keys.number
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join pg_catalog.pg_opclass o on o.oid = keys.class
  join pg_catalog.pg_namespace os on os.oid = o.opcnamespace
  left join pg_catalog.pg_opclass d on d.opcmethod = o.opcmethod and d.opcintype = t.oid and d.opcdefault
  left join pg_catalog.pg_collation l on l.oid = keys.sorting
    and l.oid <> case when keys.relation = keys.index then t.typcollation else a.attcollation end
  left join pg_catalog.pg_namespace ls on ls.oid = l.collnamespace
  group by keys.index
)
select w.indrelid as relation, w.indexrelid as oid, w.relname::text as name, m.amname::text as method,
  w.indisunique as unique, w.indisvalid as valid,
  ${version >= 150_000 ? 'w.indnullsnotdistinct' : 'false'} as "nullsNotDistinct",
  w.indkey::text as columns, w.indnkeyatts as keys, w.indoption::text as options,
  ways.classes as "operatorClasses", ways.collations, w.made as "isConstraint",
  case when not w.made and w.indexprs is not null then (
    select pg_catalog.array_agg(pg_catalog.pg_get_indexdef(w.indexrelid, n, false) order by n)
    from pg_catalog.generate_series(1, w.indnkeyatts) n where w.indkey[n - 1] = 0
  ) end as expressions,
  case when not w.made then pg_catalog.pg_get_expr(w.indpred, w.indrelid) end as predicate,
  case when not w.made then pg_catalog.pg_get_indexdef(w.indexrelid) end as definition
from wanted w
join pg_catalog.pg_am m on m.oid = w.relam
left join ways on ways.index = w.indexrelid`

/** The indexes of relations, by relation, including those made by constraints. */
export async function readIndexes(
  session: Queryable,
  relations: readonly number[],
  version: number,
): Promise<Map<number, IndexRow[]>> {
  const { rows } = await session.query(text(version), [relations])
  return groupedBy(rows as IndexRow[], row => row.relation)
}
