import type { UnknownCommit } from '../dialect/unknown-commit.ts'

/** By the 64-bit transaction id, and the timeline: after a failover another one assigns the same ids again. */
export const unknownCommit: UnknownCommit = {
  // A transaction that has written nothing has no id yet. None is assigned for the mark, because that would be a write.
  mark: `select pg_current_xact_id_if_assigned()::text as xid,
  case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end as timeline`,
  status: ({ xid, timeline }) => ({
    text: `select pg_xact_status($1::xid8) as status
  where not pg_is_in_recovery() and left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) = $2`,
    values: [xid, timeline],
  }),
  // It waits for a lost client, perhaps for hours. The transaction id guards this, because the pid may belong to another
  // backend by now. An active backend is left to finish: it may be committing.
  endWaiting: ({ serverId, xid }) => ({
    text: `select pg_terminate_backend(pid) from pg_stat_activity
  where pid = $1 and backend_xid = $2::xid8::xid and state like 'idle in transaction%'`,
    values: [serverId, xid],
  }),
}
