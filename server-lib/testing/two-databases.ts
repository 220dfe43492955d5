import { afterAll, afterEach, beforeAll } from 'vitest'
import { createEngines, engine, type EngineOptions, type PoolSizes } from '../index.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { expectBackends, expectQuiet } from './ground-truth.ts'

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

export interface TwoDatabases {
  readonly shop: TestDatabase
  readonly books: TestDatabase
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
  let shop!: TestDatabase
  let books!: TestDatabase
  let engines!: ReturnType<typeof openEngines>
  beforeAll(async () => {
    ;[shop, books] = await Promise.all([createDatabase(TABLES), createDatabase(TABLES)])
    engines = openEngines(shop, books)
    await engines.install()
  })
  afterEach(async () => {
    for (const database of [shop, books]) {
      await expectQuiet(database)
      await database.admin('truncate t, parent, child, counter, gate restart identity')
      await database.admin('delete from enginelight_decision')
    }
  })
  afterAll(async () => {
    await engines.close()
    for (const database of [shop, books]) {
      await expectBackends(database, 0)
      await database.drop()
    }
  })
  const names = async ({ admin }: TestDatabase) =>
    (await admin<{ name: string }>('select name from t order by id')).map(row => row.name)
  return {
    get shop() {
      return shop
    },
    get books() {
      return books
    },
    get engines() {
      return engines
    },
    open: options => openEngines(shop, books, options),
    names: async () => [await names(shop), await names(books)],
    prepared: async () =>
      (
        await shop.admin<{ gid: string }>('select gid from pg_prepared_xacts where database = any($1)', [
          [shop.name, books.name],
        ])
      ).map(({ gid }) => gid),
  }
}
