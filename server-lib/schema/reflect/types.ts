import type { Queryable } from './queryable.ts'
import { schemaName } from './schema-name.ts'

/** A row of pg_type. */
export interface TypeRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'b' | 'c' | 'd' | 'e' | 'p' | 'r' | 'm'
  /** A domain's base type; 0 for others. */
  readonly base: number
  /** An array's element type; 0 for others. `int2vector`, `point` and `name` have elements too, but are not arrays. */
  readonly element: number
  /** For a domain. */
  readonly notNull: boolean
  /** For a domain. */
  readonly default: string | null
  /** For an enum, in order. */
  readonly labels: readonly string[] | null
  readonly comment: string | null
}

const TEXT = `
with recursive known as (
  select t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype, t.typnotnull, t.typdefault,
    case when e.typarray = t.oid then e.oid else 0 end as element
  from pg_catalog.pg_type t left join pg_catalog.pg_type e on t.typelem <> 0 and e.oid = t.typelem
), used as (
  select * from known where oid = any ($1::oid[]) or typtype = 'e' and typnamespace in (
    select n.oid from pg_catalog.pg_namespace n
    where n.nspname = any ($2::text[]) or 'pg_temp' = any ($2::text[]) and n.oid = pg_catalog.pg_my_temp_schema()
  )
  union
  select below.* from used join known below on below.oid in (used.typbasetype, used.element)
)
select u.oid, ${schemaName('n')} as schema, u.typname::text as name, u.typtype::text as kind, u.typbasetype as base, u.element, u.typnotnull as "notNull",
  u.typdefault as default,
  case when u.typtype = 'e' then (
    select coalesce(pg_catalog.array_agg(l.enumlabel::text order by l.enumsortorder), '{}')
    from pg_catalog.pg_enum l where l.enumtypid = u.oid
  ) end as labels,
  d.description as comment
from used u
join pg_catalog.pg_namespace n on n.oid = u.typnamespace
left join pg_catalog.pg_description d
  on d.objoid = u.oid and d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objsubid = 0`

/** These types and all that they consist of, and all enums of these schemas. */
export async function readTypes(
  session: Queryable,
  types: Iterable<number>,
  enumsOf: readonly string[],
): Promise<Map<number, TypeRow>> {
  const { rows } = await session.query(TEXT, [[...types], enumsOf])
  return new Map((rows as TypeRow[]).map(row => [row.oid, row]))
}

export interface ResolvedType {
  readonly typeName: string
  readonly isArray: boolean
  readonly enumValues: readonly string[] | null
  readonly domain: string | null
  /** From the domains on the way. */
  readonly notNull: boolean
  readonly default: string | null
}

/** Follows domains and arrays down to the type of the values. */
export function resolveType(types: ReadonlyMap<number, TypeRow>, oid: number): ResolvedType {
  let isArray = false
  let notNull = false
  let domain: string | null = null
  let byDefault: string | null = null
  let type = types.get(oid)
  while (type && (type.element !== 0 || type.kind === 'd')) {
    if (type.element !== 0) isArray = true
    else {
      domain ??= `${type.schema}.${type.name}`
      // A domain inside an array constrains the elements, and not the array.
      if (!isArray) {
        notNull ||= type.notNull
        byDefault ??= type.default
      }
    }
    type = types.get(type.element || type.base)
  }
  return {
    typeName: type?.name ?? 'unknown',
    isArray,
    enumValues: type?.labels ?? null,
    domain,
    notNull,
    default: byDefault,
  }
}
