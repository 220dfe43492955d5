/**
 * The question to a server: what is prepared in this database with which locks, and which locks the backends of `$1`
 * hold or wait for. Locks on indexes and on a backend's own transaction are left out: every transaction has them.
 *
 * A prepared transaction has no process, so its locks are found by the virtual transaction that holds the lock on its
 * transaction id.
 */
export const QUESTION = `
with locks as materialized (
  select l.pid, l.virtualtransaction, l.transactionid, l.granted, l.mode,
    case when l.relation is null then l.locktype
      else case when l.locktype = 'relation' then '' else l.locktype || ' of ' end
        || coalesce(c.relname, 'relation ' || l.relation) end as what
  from pg_catalog.pg_locks l
  left join pg_catalog.pg_class c on c.oid = l.relation
    and l.database in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
  where l.locktype <> 'virtualxid' and (c.relkind is null or c.relkind not in ('i', 'I'))
    and (l.pid is null or l.pid = any ($1::int[]))
), shown as (
  select pid, virtualtransaction, jsonb_agg(jsonb_build_array(what, mode, granted) order by granted, what, mode) as locks
  from (select distinct pid, virtualtransaction, what, mode, granted from locks
        where transactionid is null or not granted) as one
  group by pid, virtualtransaction
)
select null::int as pid, p.gid, p.owner::text as owner,
  (extract(epoch from pg_catalog.clock_timestamp() - p.prepared) * 1000)::float8 as age,
  (select s.locks from shown s where s.pid is null and s.virtualtransaction = (
    select l.virtualtransaction from locks l where l.pid is null and l.granted and l.transactionid = p.transaction limit 1
  )) as locks, null::int[] as blocked
from (select * from pg_catalog.pg_prepared_xacts where database = pg_catalog.current_database()
      order by prepared limit 200) p
union all
select asked.pid, null, null, null,
  (select jsonb_agg(one) from shown s, jsonb_array_elements(s.locks) one where s.pid = asked.pid),
  case when exists (select from locks l where l.pid = asked.pid and not l.granted)
    then pg_catalog.pg_blocking_pids(asked.pid) end
from unnest($1::int[]) as asked(pid)`
