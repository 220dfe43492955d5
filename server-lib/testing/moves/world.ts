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
      // Of whichever source and access it is: the types of all are those of this one.
      ...(given.source as { connection: string }),
      ...(options as typeof options & { access: 'write' }),
    }),
    aside: engine<{ marks: { id: string; owner: string } }>()({
      connection: database.url,
      mode: 'autocommit',
      pool: { max: 2 },
    }),
  })
  /** The driver's connection to a backend, past the session that holds it: a stale holder has one. */
  const driverOf = (pid: number | null | undefined) => {
    const clients = given.clients?.() ?? usedOf(engines.get('main').knex)
    return clients.find(client => client.processID === pid)
  }
  return { engines, setting, driverOf, closeSource: given.close }
}

export type World = ReturnType<typeof openWorld>

type Client = pg.Client & { processID: number | null }

function usedOf(knex: Knex): Client[] {
  const { used } = (knex.client as { pool: { used: { resource: Client }[] } }).pool
  return used.map(({ resource }) => resource)
}

interface Given {
  source: object
  close(): Promise<void>
  clients?(): Client[]
}

function giveSource(url: string, source: Setting['source'], max: number): Given {
  switch (source) {
    case 'connection':
      return { source: { connection: url, pool: { max } }, close: () => Promise.resolve() }
    case 'knex': {
      const knex: Knex = knexFactory({
        client: 'pg',
        connection: url,
        log: { warn() {} },
        pool: { min: 0, max },
      })
      return { source: { knex }, close: () => knex.destroy() }
    }
    case 'pg.Pool': {
      const pool = new pg.Pool({ connectionString: url, max })
      // As its owner must: a backend can be killed while nobody holds it.
      pool.on('error', () => {})
      const clients = () => (pool as unknown as { _clients: Client[] })._clients
      return { source: { pool }, close: () => pool.end(), clients }
    }
    default:
      throw source satisfies never
  }
}
