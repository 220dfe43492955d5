import knexFactory, { type Knex } from 'knex'
import pg from 'pg'
import { createEngines, engine } from '../../index.ts'
import type { TestDatabase } from '../database.ts'
import type { Setting } from './move.ts'

/** The tables on which sequences are played. A row of `doomed` is decided upon at COMMIT, by a deferred trigger. */
export const SCHEMA = `
  create table marks (
    id text primary key,
    owner text not null,
    touched int not null default 0,
    xid xid8 not null default pg_current_xact_id()
  );
  insert into marks (id, owner) values ('taken', 'nobody');
  create table doomed (how text);
  create function decide() returns trigger language plpgsql as $$ begin
    if new.how = 'kill' then perform pg_terminate_backend(pg_backend_pid()), pg_sleep(5); end if;
    raise exception 'refused at commit';
  end $$;
  create constraint trigger decide after insert on doomed deferrable initially deferred for each row execute function decide();
`

/** The engines of one sequence: `main`, which is under test, and `aside`, which is there to be chosen or not. */
export function openWorld(database: TestDatabase, setting: Setting) {
  const { source, mode, access, pipeline, max, impatient } = setting
  const options = { mode, access, pipeline, checkoutTimeoutMs: impatient ? 5 : 10_000 }
  const given = giveSource(database.url, source, max)
  const engines = createEngines({
    main: engine<{ marks: { id: string; owner: string; touched: number } }>()({
      ...options,
      ...given.source,
    } as {
      connection: string
      access: 'write'
    }),
    aside: engine<{ marks: { id: string; owner: string } }>()({
      connection: database.url,
      mode: 'autocommit',
      pool: { max: 2 },
    }),
  })
  return { engines, setting, closeSource: given.close }
}

export type World = ReturnType<typeof openWorld>

function giveSource(url: string, source: Setting['source'], max: number) {
  switch (source) {
    case 'connection':
      return { source: { connection: url, pool: { max } }, close: () => Promise.resolve() }
    case 'knex': {
      const knex: Knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max } })
      return { source: { knex }, close: () => knex.destroy() }
    }
    case 'pg.Pool': {
      const pool = new pg.Pool({ connectionString: url, max })
      // As its owner must: a backend can be killed while nobody holds it.
      pool.on('error', () => {})
      return { source: { pool }, close: () => pool.end() }
    }
    default:
      throw source satisfies never
  }
}
