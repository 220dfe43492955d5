import { knex } from 'knex'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { reflect } from '../reflect/index.ts'
import { connect } from '../testing/connect.ts'
import { lintNames, namingConvention } from './index.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

const lint = async (names = namingConvention()) => {
  await using session = await connect(database.url)
  return lintNames(await reflect(session.client), names)
}
const empty = () => database.admin('drop schema public cascade; create schema public')

test('names are as Alembic recommends, with all columns', () => {
  const names = namingConvention()
  expect([
    names.pk('orders'),
    names.uq('orders', ['shop', 'code']),
    names.fk('orders', 'customer_id', 'customers'),
    names.ck('orders', 'positive_price'),
    names.ix('orders', ['state', 'at']),
  ]).toEqual([
    'pk_orders',
    'uq_orders_shop_code',
    'fk_orders_customer_id_customers',
    'ck_orders_positive_price',
    'ix_orders_state_at',
  ])
})

test('a template is a text with the tokens of SQLAlchemy, or a function', () => {
  const names = namingConvention({
    ix: 'ix_%(column_0_label)s',
    uq: 'uq_%(table_name)s_%(column_0N_name)s',
    fk: '%(table_name)s.%(column_0_name)s->%(referred_table_name)s.%(referred_column_0_N_name)s',
    pk: ({ table, columns }) => `${table}_${columns.join('_')}_pk`,
  })
  expect([
    names.ix('orders', ['state', 'at']),
    names.uq('orders', ['a', 'b']),
    names.fk('orders', ['x', 'y'], 'places', ['a', 'b']),
    names.pk('orders', 'id'),
    names.ck('orders', 'paid'),
  ]).toEqual(['ix_orders_state', 'uq_orders_ab', 'orders.x->places.a_b', 'orders_id_pk', 'ck_orders_paid'])
})

test('a name over 63 bytes ends in a hash; characters stay whole', async () => {
  const names = namingConvention()
  const long = names.uq('a'.repeat(40), ['b'.repeat(40), 'c'])
  expect(long).toMatch(/^uq_a{40}_b{11}_[0-9a-f]{4}$/)
  expect(long).not.toBe(names.uq('a'.repeat(40), ['b'.repeat(40), 'd']))
  expect(names.pk('a'.repeat(60))).toBe(`pk_${'a'.repeat(60)}`)
  const wide = names.pk('ä'.repeat(40))
  expect(wide).toMatch(/^pk_ä{26}_[0-9a-f]{4}$/)
  await database.admin(`create table long (id int constraint "${wide}" primary key)`)
  expect(await database.admin(`select 1 from pg_class where relname = '${wide}'`)).toHaveLength(1)
})

test('a mistake in a template says what there is', () => {
  const cases: [object, RegExp][] = [
    [{ index: 'x' }, /no convention "index"; there are ix, uq, ck, fk, pk/],
    [{ ix: 'ix_%(tablename)s' }, /has "%\(tablename\)s", which is no token; there are %\(table_name\)s, /],
    [{ ix: '100%' }, /has "%", which/],
    [{ pk: '' }, /must be a text/],
    [{ pk: 3 }, /must be a text/],
  ]
  for (const [templates, sentence] of cases) {
    expect(() => namingConvention(templates)).toThrow(
      expect.objectContaining({ code: 'EL_CONFIG', message: expect.stringMatching(sentence) }),
    )
  }
  expect(() => namingConvention({ pk: () => '' }).pk('orders')).toThrow(/gives no name for table "orders"/)
})

test('what a migration of knex names after the convention, the lint has nothing to say of', async () => {
  await empty()
  const names = namingConvention()
  const db = knex({ client: 'pg', connection: database.url })
  try {
    await db.schema.createTable('customers', table => {
      table.integer('id')
      table.primary(['id'], { constraintName: names.pk('customers') })
    })
    await db.schema.createTable('orders', table => {
      table.integer('id')
      table.integer('customer_id')
      table.integer('price')
      table.primary(['id'], { constraintName: names.pk('orders') })
      table.unique(['customer_id', 'price'], { indexName: names.uq('orders', ['customer_id', 'price']) })
      table.foreign('customer_id', names.fk('orders', 'customer_id', 'customers')).references('customers.id')
      table.index(['price', 'id'], names.ix('orders', ['price', 'id']))
      table.check('price > 0', undefined, names.ck('orders', 'positive_price'))
      table.check('price < 9', undefined, names.ck('orders', 'p'.repeat(80)))
    })
    expect(await lint()).toEqual([])
    expect((await lint(namingConvention({ pk: '%(table_name)s_key' }))).map(({ alter }) => alter)).toEqual([
      'alter table "public"."customers" rename constraint "pk_customers" to "customers_key"',
      'alter table "public"."orders" rename constraint "pk_orders" to "orders_key"',
    ])
  } finally {
    await db.destroy()
  }
})

test('the lint names what differs, and after its statements nothing does', async () => {
  await empty()
  await database.admin(`
    create table "Odd ""table" (id int primary key, price int check (price > 0), code text unique,
      parent int references "Odd ""table", constraint fine check (id > 0), constraint again unique (code) include (price));
    create index somehow on "Odd ""table" (price);
    create index on "Odd ""table" (price);
    create index on "Odd ""table" (lower(code));
    create table ix_taken (id int constraint pk_ix_taken primary key);
    create table taken (id int constraint pk_taken primary key, x int);
    create index wrong on taken (x);
    create table ix_taken_x_2 ();
    create index ix_taken_x on ix_taken ((id + 1));
    create table parts (at date, n int check (n > 1), constraint pk_parts primary key (at)) partition by range (at);
    create table part partition of parts for values from ('2025-01-01') to ('2026-01-01');
    create table child () inherits (taken);
    alter table taken add constraint ck_taken_x check (x > 0);
    create materialized view totals as select 1 as n;
    create index by_n on totals (n);
  `)
  const found = await lint()
  expect(found.map(({ table, kind, name, expected }) => `${table}: ${kind} ${name} -> ${expected}`)).toEqual([
    'Odd "table: primary key Odd "table_pkey -> pk_Odd "table',
    'Odd "table: unique Odd "table_code_key -> uq_Odd "table_code',
    'Odd "table: unique again -> uq_Odd "table_code_2',
    'Odd "table: foreign key Odd "table_parent_fkey -> fk_Odd "table_parent_Odd "table',
    'Odd "table: check Odd "table_price_check -> ck_Odd "table_price',
    'Odd "table: check fine -> ck_Odd "table_fine',
    'Odd "table: index Odd "table_price_idx -> ix_Odd "table_price',
    'Odd "table: index somehow -> ix_Odd "table_price_2',
    'parts: check parts_n_check -> ck_parts_n',
    'taken: index wrong -> ix_taken_x_3',
    'totals: index by_n -> ix_totals_n',
  ])
  for (const { alter } of found) await database.admin(alter)
  expect(await lint()).toEqual([])
})

test('without a convention the lint has that of namingConvention(), and takes no promise', () => {
  const key = { name: 'orders_pkey', columns: ['id'] }
  const orders = { schema: 'public', name: 'orders', primaryKey: key, partitionOf: null }
  const empty = { uniques: [], foreignKeys: [], checks: [], exclusions: [], indexes: [] }
  const schema = { tables: [{ ...orders, ...empty }], enums: [] } as never
  expect(lintNames(schema)).toEqual(lintNames(schema, namingConvention()))
  expect(lintNames(schema).map(({ expected }) => expected)).toEqual(['pk_orders'])
  expect(() => lintNames(Promise.resolve(schema) as never)).toThrow(/await reflect\(…\) first/)
})
