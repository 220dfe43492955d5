import { DECISION_TABLE, LOCATION_TABLE } from './decision.ts'

/** Fails on no server, for it is also asked within an open transaction. */
export const SERVER_FACTS = `SELECT pg_is_in_recovery() AS standby, pg_backend_pid() AS pid, current_database() AS database,
  current_setting('max_prepared_transactions')::int AS slots,
  decision IS NOT NULL AND location IS NOT NULL AS installed,
  coalesce(has_table_privilege(decision, 'SELECT') AND has_table_privilege(decision, 'INSERT')
    AND has_table_privilege(decision, 'DELETE') AND has_table_privilege(location, 'SELECT'), false) AS may
  FROM (SELECT to_regclass('${DECISION_TABLE}')::oid AS decision, to_regclass('${LOCATION_TABLE}')::oid AS location) AS tables`
