import { DECISION_TABLE, LOCATION_TABLE } from './decision.ts'

/** What decides which part a server can have in a two-phase commit. */
export interface ServerFacts {
  readonly database: string
  readonly standby: boolean
  /** How many transactions it can keep prepared at once. */
  readonly slots: number
  /** Whether both tables are there, and whether this role may use them. */
  readonly installed: boolean
  readonly may: boolean
  /** The server's process; behind a pooler the driver knows the pooler's. */
  readonly pid: number
}

/** Fails on no server, for it is also asked within an open transaction. */
export const SERVER_FACTS = `SELECT pg_is_in_recovery() AS standby, pg_backend_pid() AS pid, current_database() AS database,
  current_setting('max_prepared_transactions')::int AS slots,
  decision IS NOT NULL AND location IS NOT NULL AS installed,
  coalesce(has_table_privilege(decision, 'SELECT') AND has_table_privilege(decision, 'INSERT')
    AND has_table_privilege(decision, 'DELETE') AND has_table_privilege(location, 'SELECT'), false) AS may
  FROM (SELECT to_regclass('${DECISION_TABLE}')::oid AS decision, to_regclass('${LOCATION_TABLE}')::oid AS location) AS tables`
