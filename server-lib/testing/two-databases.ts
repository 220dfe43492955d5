import { afterAll, beforeAll } from 'vitest'
import { createEngines, engine, type EngineOptions, type PoolSizes } from '../index.ts'
import type { TestDatabase } from './database.ts'
import { shopAndBooks, type ShopAndBooks } from './shop-and-books.ts'

/** A row in `gate` makes COMMIT and PREPARE wait for whoever holds the advisory lock 7. */
const TABLES = `
  create table t (id serial primary key, name text unique);
  create table parent (id int primary key);
  create table child (parent int references parent deferrable initially deferred);
  create table counter (id int primary key, n int not null);
  create table gate (id int);
  create function wait_at_gate() returns trigger language plpgsql as $$ begin
    perform pg_advisory_xact_lock(7);
    return null;
  end $$;
  create constraint trigger wait_at_gate after insert on gate deferrable initially deferred
    for each row execute function wait_at_gate();
  create function write_by_function(text) returns void language sql as 'insert into t (name) values ($1)';
`

/** What is asked of all engines but the logger. */
type Shared = EngineOptions & { pool?: PoolSizes }

export interface TwoDatabases extends ShopAndBooks {
  /** `reader`, `writer` and `stock` on the one, `ledger` on the other, and a `logger` that takes no part in commits. */
  readonly engines: ReturnType<typeof openEngines>
  /** Others on the same databases, which the test has to close. */
  open(options?: Shared): ReturnType<typeof openEngines>
  /** The names in `t`, in order: of the shop, then of the books. */
  names(): Promise<string[][]>
  prepared(): Promise<string[]>
}

function openEngines(shop: TestDatabase, books: TestDatabase, options: Shared = {}) {
  const shared = { pool: { max: 2 }, checkoutTimeoutMs: 2_000, ...options }
  return createEngines(
    {
      reader: engine()({ ...shared, connection: shop.url, access: 'read', transactional: false }),
      writer: engine()({ ...shared, connection: shop.url, default: true }),
      stock: engine()({ ...shared, connection: shop.url }),
      ledger: engine()({ ...shared, connection: books.url }),
      logger: engine()({
        connection: books.url,
        mode: 'autocommit',
        enlist: 'independent',
        pool: { max: 1 },
      }),
    },
    { application: 'two databases' },
  )
}

/**
 * Two databases with all that a two-phase commit needs, and engines on them. After each test the servers are quiet and the tables
 * empty; at the end no backend is left.
 */
export function twoDatabases(): TwoDatabases {
  const two = shopAndBooks(TABLES, 't, parent, child, counter, gate')
  let engines!: ReturnType<typeof openEngines>
  beforeAll(async () => {
    engines = openEngines(two.shop, two.books)
    await engines.install()
  })
  afterAll(() => engines.close())
  const names = async ({ admin }: TestDatabase) =>
    (await admin<{ name: string }>('select name from t order by id')).map(row => row.name)
  return {
    get shop() {
      return two.shop
    },
    get books() {
      return two.books
    },
    get engines() {
      return engines
    },
    open: options => openEngines(two.shop, two.books, options),
    names: async () => [await names(two.shop), await names(two.books)],
    prepared: async () =>
      (
        await two.shop.admin<{ gid: string }>('select gid from pg_prepared_xacts where database = any($1)', [
          [two.shop.name, two.books.name],
        ])
      ).map(({ gid }) => gid),
  }
}
