import type { Queryable } from './queryable.ts'

/** The lowest oid of objects that are not the server's own. */
const FIRST_OF_USERS = 16_384

/**
 * What a description is read from, catalogue by catalogue: the columns that it shows, and `xmin`, the transaction that
 * wrote the row. Neither is enough alone. Within one transaction a row may change twice and keep its `xmin`; and a
 * description may come to depend on a column that is not listed here. Two databases made by the same steps, as in a
 * throw-away container, have the same transactions but other names.
 *
 * Names of functions, operators, sequences and the like are included because defaults and checks are stored as trees of
 * oids, and printed with the current names.
 */
const CATALOGUES: readonly { readonly from: string; readonly columns: string }[] = [
  { from: 'pg_namespace x where x.oid = any (select namespace from wanted)', columns: 'x.oid, x.nspname' },
  {
    from: 'pg_class x join relations r on r.oid = x.oid',
    columns:
      'x.oid, x.relname, x.relnamespace, x.relkind, x.relam, x.relispartition, x.relpartbound, x.reloptions',
  },
  {
    from: `pg_attribute x join relations r on r.oid = x.attrelid and r.relkind in ('r', 'p', 'f', 'v', 'm') where x.attnum > 0`,
    columns: `x.attrelid, x.attnum, x.attname, x.atttypid, x.atttypmod, x.attnotnull, x.atthasdef, x.attidentity,
      x.attgenerated, x.attisdropped, x.attcollation`,
  },
  {
    from: 'pg_attrdef x join relations r on r.oid = x.adrelid',
    columns: 'x.adrelid, x.adnum, x.adbin',
  },
  {
    from: 'pg_constraint x left join relations r on r.oid = x.conrelid where x.conrelid = 0 or r.oid is not null',
    columns: `x.oid, x.conname, x.contype, x.condeferrable, x.condeferred, x.convalidated, x.conrelid, x.contypid,
      x.conindid, x.conparentid, x.confrelid, x.confupdtype, x.confdeltype, x.confmatchtype, x.conkey, x.confkey,
      x.conexclop, x.conbin`,
  },
  {
    from: 'pg_index x join relations r on r.oid = x.indrelid',
    columns: `x.indexrelid, x.indisunique, x.indisvalid, x.indkey, x.indnkeyatts, x.indclass, x.indcollation,
      x.indoption, x.indexprs, x.indpred`,
  },
  {
    from: 'pg_inherits x join relations r on r.oid = x.inhrelid',
    columns: 'x.inhrelid, x.inhparent',
  },
  {
    from: 'pg_partitioned_table x join relations r on r.oid = x.partrelid',
    columns: 'x.partrelid, x.partstrat, x.partattrs, x.partexprs',
  },
  {
    from: users('pg_type', 'x.typnamespace = any (select namespace from wanted)'),
    columns: `x.oid, x.typname, x.typnamespace, x.typtype, x.typbasetype, x.typelem, x.typnotnull, x.typtypmod,
      x.typdefault, x.typcollation`,
  },
  { from: 'pg_enum x', columns: 'x.enumtypid, x.enumsortorder, x.enumlabel' },
  {
    from: `pg_description x left join relations r on x.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and r.oid = x.objoid
      where r.oid is not null or x.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass and x.objoid >= ${FIRST_OF_USERS}`,
    columns: 'x.objoid, x.objsubid, x.description',
  },
  { from: users('pg_proc'), columns: 'x.oid, x.proname, x.pronamespace' },
  { from: users('pg_operator'), columns: 'x.oid, x.oprname, x.oprnamespace' },
  { from: users('pg_collation'), columns: 'x.oid, x.collname, x.collnamespace' },
  { from: users('pg_opclass'), columns: 'x.oid, x.opcname, x.opcnamespace, x.opcdefault' },
  { from: users('pg_am'), columns: 'x.oid, x.amname' },
  { from: users('pg_ts_config'), columns: 'x.oid, x.cfgname, x.cfgnamespace' },
  { from: users('pg_ts_dict'), columns: 'x.oid, x.dictname, x.dictnamespace' },
]

function users(catalogue: string, where = 'true'): string {
  return `${catalogue} x where x.oid >= ${FIRST_OF_USERS} and ${where}`
}

/** Settings that affect how the server prints expressions. */
const SETTINGS = [
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'bytea_output',
  'extra_float_digits',
  'lc_monetary',
  'quote_all_identifiers',
  'server_version_num',
  'standard_conforming_strings',
]

const sums = CATALOGUES.map(
  ({ from, columns }, at) =>
    `select ${at} as at, count(*) || ' ' || coalesce(sum(hashtextextended(row(x.xmin, ${columns})::text, 0)), 0) as sum from pg_catalog.${from}`,
)

/** Temporary tables of other sessions come and go all day, and are not reflected. */
const TEXT = `
with wanted as materialized (
  select oid as namespace from pg_catalog.pg_namespace
  where nspname !~ '^pg_(toast|temp_)' or oid = pg_catalog.pg_my_temp_schema()
), relations as materialized (
  select c.oid, c.relkind from pg_catalog.pg_class c join wanted on wanted.namespace = c.relnamespace
  where c.oid >= ${FIRST_OF_USERS}
)
select (select string_agg(sum, ',' order by at) from (${sums.join('\nunion all ')}) sums) as sums,
  (select oid from pg_catalog.pg_database where datname = current_database()) as database,
  pg_catalog.current_schemas(true)::text as path,
  ${SETTINGS.map(name => `pg_catalog.current_setting('${name}')`).join(" || ',' || ")} as settings`

/**
 * A text that changes whenever a description would: with each change of a table, column, type, constraint, index or
 * comment in the catalogue, committed or not; of the search path; and of the settings by which PostgreSQL prints
 * expressions. It may also change without need (a TRUNCATE, a VACUUM FULL), and differs after a dump is restored.
 */
export async function fingerprint(session: Queryable): Promise<string> {
  const { rows } = await session.query(TEXT)
  const { sums, database, path, settings } = rows[0]
  return JSON.stringify([sums, database, path, settings])
}
