import type { TwoPhase } from '../../dialect/two-phase.ts'
import { commitPrepared, literal, prepareTransaction, rollbackPrepared } from '../control.ts'
import { sqlstateOf } from '../sqlstate.ts'
import {
  DECISION_TABLE,
  deleteDecisions,
  insertDecision,
  insertFence,
  LOCATION_ID,
  LOCATION_TABLE,
  RAISE_DURABILITY,
} from './decision.ts'
import { INSTALL_SQL } from './install-sql.ts'
import { SERVER_FACTS } from './server-facts.ts'

/** The primary key of the decision table, as PostgreSQL names it. */
const DECISION_KEY = 'enginelight_decision_pkey'
/** How many old decisions are read in one pass; the rest follow in the next. */
const AT_ONCE = 500

export const twoPhase: TwoPhase = {
  prepare: prepareTransaction,
  commitPrepared,
  rollbackPrepared,
  // pg_notify() and temporary tables have no tag of their own.
  unpreparable: new Set(['NOTIFY', 'LISTEN', 'UNLISTEN']),
  notPrepared: {
    '0A000':
      'the transaction used NOTIFY, LISTEN, a temporary table, a cursor WITH HOLD or an exported snapshot, which cannot be prepared',
    '53200': 'the server has no room for another prepared transaction (max_prepared_transactions)',
    '55000': 'prepared transactions are disabled (max_prepared_transactions is 0)',
  },
  slotsSetting: 'max_prepared_transactions',

  ownerOf: gid => ({
    text: `SELECT owner FROM pg_catalog.pg_prepared_xacts WHERE gid = $1 AND database = pg_catalog.current_database()`,
    values: [gid],
  }),
  becomeRole: role => `SET ROLE ${literal(role)}`,
  // Only those of its own database: a prepared transaction can be ended nowhere else. The age is by the server's clock,
  // which also set the timestamp.
  prepared: beginning => ({
    text: `SELECT gid, greatest(0, extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS age_ms
  FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1) ORDER BY prepared`,
    values: [beginning],
  }),
  lookFacts: `SELECT pg_is_in_recovery() AS standby,
  coalesce(has_table_privilege(to_regclass('${LOCATION_TABLE}')::oid, 'SELECT'), false) AS installed`,
  // Covers the whole server, so that one more database cannot hide a transaction. A standby shows none, so its answer
  // does not count.
  stillPrepared: gids => ({
    text: `SELECT current_database() AS database,
  ARRAY(SELECT gid::text FROM pg_prepared_xacts WHERE gid = ANY ($1::text[])) AS still WHERE NOT pg_is_in_recovery()`,
    values: [gids],
  }),

  decisionTable: DECISION_TABLE,
  locationTable: LOCATION_TABLE,
  installSql: INSTALL_SQL,
  isInstalled: `SELECT to_regclass('${DECISION_TABLE}') IS NOT NULL AND to_regclass('${LOCATION_TABLE}') IS NOT NULL AS there`,
  hasLocation: `SELECT 1 FROM ${LOCATION_TABLE}`,
  serverFacts: SERVER_FACTS,
  locationId: LOCATION_ID,
  insertDecision,
  raiseDurability: RAISE_DURABILITY,
  deleteDecisions,
  oldDecisions: (application, olderThanMs) => ({
    text: `SELECT transaction::text, participants FROM ${DECISION_TABLE}
  WHERE outcome = 'commit' AND application = $1 AND decided_at < clock_timestamp() - $2 * interval '1 millisecond'
  ORDER BY decided_at LIMIT ${AT_ONCE}`,
    values: [application, olderThanMs],
  }),
  deleteOld: transactions => ({
    text: `DELETE FROM ${DECISION_TABLE} WHERE outcome = 'commit' AND transaction = ANY ($1::uuid[])`,
    values: [transactions],
  }),
  insertFence,
  // The unique violation of the decision's own key. Any other, such as that of a trigger's own table, says nothing.
  isDecided: error => {
    const { schema, constraint } = error as { schema?: string; constraint?: string }
    return sqlstateOf(error) === '23505' && schema === 'public' && constraint === DECISION_KEY
  },
  decision: transaction => ({
    text: `SELECT outcome FROM ${DECISION_TABLE} WHERE transaction = $1`,
    values: [transaction],
  }),
}
