/** What a connection may carry of its user before: an answer with anything but these values is dirt. */
export const CLEAN = {
  role: 'none',
  prepared: [],
  listening: [],
  advisory: 0,
  cursors: [],
  settings: [],
  temporary: 0,
  wrote: false,
}

/** Asks a connection what it carries. As text of one statement, so that it fits every way of sending. */
export const CANARY = `select
  current_setting('role') as role,
  coalesce((select json_agg(name) from pg_prepared_statements), '[]') as prepared,
  coalesce((select json_agg(channel) from pg_listening_channels() channel), '[]') as listening,
  (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as advisory,
  coalesce((select json_agg(name) from pg_cursors where is_holdable), '[]') as cursors,
  coalesce((select json_agg(name order by name) from pg_settings where source = 'session' and name not like 'transaction_%'), '[]') as settings,
  (select count(*)::int from pg_class where relnamespace = pg_my_temp_schema()) as temporary,
  pg_current_xact_id_if_assigned() is not null as wrote`
