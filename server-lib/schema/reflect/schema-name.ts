/**
 * A temporary schema is called `pg_temp` as in SQL: its own name contains a backend's number. `n` is a pg_namespace.
 */
export const schemaName = (n: string): string =>
  `case when ${n}.oid = pg_catalog.pg_my_temp_schema() then 'pg_temp' else ${n}.nspname::text end`

/** The name of an object, with its schema unless that is the server's own. */
export const qualifiedName = (n: string, name: string): string =>
  `case when ${n}.nspname = 'pg_catalog' then ${name}::text else ${schemaName(n)} || '.' || ${name} end`
