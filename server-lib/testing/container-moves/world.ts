import { createEngines, engine } from '../../index.ts'
import type { TestDatabase } from '../database.ts'

/** A row of `doomed` is refused at COMMIT, by a deferred trigger. */
export const SCHEMA = `
  create table marks (id text primary key);
  insert into marks values ('taken');
  create table doomed (how text);
  create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused at commit'; end $$;
  create constraint trigger refuse after insert on doomed deferrable initially deferred for each row execute function refuse();
  create function write_mark(text) returns void language sql as 'insert into marks values ($1)';
`

/** Engines with pools of this size. They outlive a sequence, so that its connections reach the next one. */
export function openWorld(shop: TestDatabase, books: TestDatabase, max: number) {
  const options = { pool: { max }, checkoutTimeoutMs: 100, commitTimeoutMs: 3_000 }
  const engines = createEngines(
    {
      one: engine()({ connection: shop.url, default: true, ...options }),
      two: engine()({ connection: shop.url, ...options }),
      three: engine()({ connection: books.url, ...options }),
    },
    { application: 'container moves' },
  )
  return { engines, shop, books, max }
}

export type World = ReturnType<typeof openWorld>
