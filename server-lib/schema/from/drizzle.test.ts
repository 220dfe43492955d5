import { sql } from 'drizzle-orm'
import * as t from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { drift } from '../drift/index.ts'
import type { Schema } from '../table.ts'
import { reflectedAt } from '../testing/same-as-models.ts'
import { tablesFrom } from './index.ts'

const shop = t.pgSchema('shop')
const mood = t.pgEnum('mood', ['sad', "that's it"])
const size = shop.enum('Size', ['s', 'm'])
const unused = t.pgEnum('unused', ['a'])
const citext = t.customType<{ data: string }>({ dataType: () => 'citext' })
const amount = t.customType<{ data: string }>({ dataType: () => 'money_amount' })

const users = t.pgTable(
  'users',
  {
    id: t.serial('id').primaryKey(),
    name: t.varchar('name', { length: 20 }).notNull().default("it's").unique(),
    email: citext('email').unique('one_email'),
    small: t.smallint('small').default(3),
    big: t.bigint('big', { mode: 'bigint' }).default(9007199254740993n),
    price: t.numeric('price', { precision: 10, scale: 2 }).default('0'),
    ratio: t.doublePrecision('ratio'),
    isOpen: t.boolean('is_open').default(true).notNull(),
    tags: t.text('tags').array().default(['a', 'b']),
    none: t
      .integer('none')
      .array()
      .array()
      .default(sql`'{}'::int[]`),
    data: t.jsonb('data').default({ b: [1], a: "it's" }),
    key: t.uuid('key').defaultRandom().notNull(),
    born: t.date('born'),
    at: t.timestamp('at', { withTimezone: true, precision: 3 }).defaultNow().notNull(),
    seen: t.timestamp('seen', { mode: 'date' }).default(new Date('2020-01-01T00:00:00Z')),
    clock: t.time('clock'),
    length: t.interval('length'),
    address: t.inet('address'),
    mood: mood('mood').default("that's it"),
    moods: mood('moods').array(),
    size: size('size').notNull(),
    letters: t.char('letters', { length: 3 }),
    spot: t.point('spot'),
    total: t.integer('total').generatedAlwaysAs(sql`small * 2`),
    paid: amount('paid'),
    bossId: t
      .integer('boss_id')
      .references((): t.AnyPgColumn => users.id, { onDelete: 'set null', onUpdate: 'cascade' }),
  },
  table => [
    t.index().on(table.price.desc()),
    t.index('lower_name').on(sql`lower(${table.name})`),
    t
      .uniqueIndex('open_born')
      .on(table.born)
      .where(sql`${table.isOpen} and ${table.small} in (1, 2)`),
    t.index('by_data').using('gin', table.data),
    t.check('priced', sql`${table.price} >= 0 and ${table.small} between 1 and 10`),
    t.unique('name_and_clock').on(table.name, table.clock),
  ],
)
const orders = shop.table('Orders', {
  id: t.bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  other: t.integer().generatedByDefaultAsIdentity(),
  buyerId: t.integer().notNull(),
})
const lines = t.pgTable(
  'lines',
  {
    orderId: t.bigint('order_id', { mode: 'number' }).references(() => orders.id),
    number: t.smallserial('number'),
    partOfOrder: t.bigint('part_of_order', { mode: 'number' }),
    partOfNumber: t.smallint('part_of_number'),
  },
  table => [
    t.primaryKey({ columns: [table.orderId, table.number] }),
    t
      .foreignKey({
        name: 'part_of',
        columns: [table.partOfOrder, table.partOfNumber],
        foreignColumns: [table.orderId, table.number],
      })
      .onDelete('cascade'),
  ],
)
const open = t
  .pgView('open')
  .as(q => q.select({ id: users.id, twice: sql`${users.small} * 2`.as('twice') }).from(users))
const known = t.pgView('known', { id: t.integer('id') }).existing()
const stored = t.pgMaterializedView('stored', { number: t.integer('number') }).as(sql`select 1`)

const schema = {
  mood,
  size,
  unused,
  users,
  orders,
  lines,
  open,
  known,
  stored,
  shop,
  notATable: 5,
  relations: {},
}

/** As `drizzle-kit generate` writes it for the above. */
const DDL = `
create extension citext; create domain money_amount as numeric(12,2);
create schema shop;
create type mood as enum ('sad', 'that''s it'); create type shop."Size" as enum ('s', 'm'); create type unused as enum ('a');
create table users (
  id serial primary key not null, name varchar(20) default 'it''s' not null, email citext, small smallint default 3,
  big bigint default 9007199254740993, price numeric(10, 2) default '0', ratio double precision, is_open boolean default true not null,
  tags text[] default '{"a","b"}', "none" integer[][] default '{}'::int[], data jsonb default '{"b":[1],"a":"it''s"}'::jsonb,
  key uuid default gen_random_uuid() not null, born date, at timestamp (3) with time zone default now() not null,
  seen timestamp default '2020-01-01 00:00:00.000', clock time, length interval, address inet, mood mood default 'that''s it',
  moods mood[], size shop."Size" not null, letters char(3), spot point, total integer generated always as (small * 2) stored,
  paid money_amount, boss_id integer,
  constraint users_name_unique unique (name), constraint one_email unique (email), constraint name_and_clock unique (name, clock),
  constraint priced check ("users"."price" >= 0 and "users"."small" between 1 and 10)
);
create table shop."Orders" (
  id bigint primary key generated always as identity (sequence name "shop"."Orders_id_seq"), other integer generated by default as identity,
  buyer_id integer not null
);
create table lines (
  order_id bigint, number smallserial not null, part_of_order bigint, part_of_number smallint,
  constraint lines_order_id_number_pk primary key (order_id, number)
);
alter table users add constraint users_boss_id_users_id_fk foreign key (boss_id) references users(id) on delete set null on update cascade;
alter table lines add constraint lines_order_id_Orders_id_fk foreign key (order_id) references shop."Orders"(id) on delete no action on update no action;
alter table lines add constraint part_of foreign key (part_of_order, part_of_number) references lines(order_id, number) on delete cascade;
create index users_price_index on users using btree (price desc nulls last);
create index lower_name on users using btree (lower("name"));
create unique index open_born on users using btree (born) where "users"."is_open" and "users"."small" in (1, 2);
create index by_data on users using gin (data);
create view open as select id, small * 2 as twice from users; create view known as select id from users;
create materialized view stored as select 1 as number;
`

let database: TestDatabase
let reflected: Schema
beforeAll(async () => {
  database = await createDatabase(DDL)
  reflected = await reflectedAt(database.url)
})
afterAll(() => database.drop())

const ofExtension = (name: string) => !name.includes('citext')

test('tables, views and enums of a Drizzle schema are what drizzle-kit makes of them', () => {
  const models = tablesFrom.drizzle(schema, { casing: 'snake_case' })
  expect(drift(reflected, models)).toEqual([])
  expect(models.tables.map(({ schema, name, kind }) => `${schema}.${name} ${kind}`)).toEqual(
    reflected.tables
      .filter(({ name }) => ofExtension(name))
      .map(({ schema, name, kind }) => `${schema}.${name} ${kind}`),
  )
  expect(models.enums).toEqual(reflected.enums)
  expect(models.tables.find(({ name }) => name === 'users')!.checks).toEqual([
    { name: 'priced', definition: 'CHECK ("price" >= 0 and "small" between 1 and 10)' },
  ])
  const types = (of: Schema) =>
    of.tables
      .filter(({ kind }) => kind === 'table')
      .map(({ columns }) => columns.map(({ name, type, isArray }) => ({ name, type, isArray })))
  expect(types(models)).toEqual(types(reflected))
})

test('a type that we do not know is in its table and in the list, and a typeMap makes it known', () => {
  expect(tablesFrom.drizzle(schema).unknownTypes).toEqual([
    { schema: 'public', table: 'open', column: 'twice', type: 'unknown' },
    { schema: 'public', table: 'users', column: 'paid', type: 'money_amount' },
  ])
  const paid = (typeMap: object) => {
    const models = tablesFrom.drizzle({ users }, { typeMap: typeMap as any })
    const column = models.tables[0]!.columns.find(({ name }) => name === 'paid')!
    return {
      type: column.type,
      typeName: column.typeName,
      isArray: column.isArray,
      unknown: models.unknownTypes.length,
    }
  }
  expect(paid({})).toEqual({ type: 'money_amount', typeName: 'money_amount', isArray: false, unknown: 1 })
  expect(paid({ money_amount: 'decimal(12, 2)[]' })).toEqual({
    type: 'numeric(12,2)[]',
    typeName: 'numeric',
    isArray: true,
    unknown: 0,
  })
  expect(paid((column: any) => (column.column === 'paid' ? 'shop.amount' : undefined))).toEqual({
    type: 'shop.amount',
    typeName: 'amount',
    isArray: false,
    unknown: 0,
  })
  expect(paid({ money_amount: ({ host, table }: any) => `${host}_${table}` }).type).toBe('drizzle_users')
})

test('what is no schema of Drizzle is told before anything else', () => {
  expect(() => tablesFrom.drizzle({ mood })).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', option: 'schema' }),
  )
  expect(() => tablesFrom.drizzle(undefined as any)).toThrow(/none of what it was given is a pgTable/)
})

test('a name that PostgreSQL cuts off is the one that it keeps', async () => {
  const [table, column] = ['t'.repeat(70), 'ö'.repeat(40)]
  const long = t.pgTable(
    table,
    {
      id: t.integer('id').primaryKey(),
      long: t.text(column),
      up: t.integer(`${column}2`).references((): any => long.id),
    },
    of => [t.index('by_long').on(of.long)],
  )
  await database.admin(`create table ${table} (id int primary key, "${column}" text)`)
  const models = tablesFrom.drizzle({
    long: t.pgTable(table, { id: t.integer('id').primaryKey(), long: t.text(column) }),
  })
  const there = await reflectedAt(database.url)
  expect(drift(there, models).filter(({ kind }) => kind !== 'extra table')).toEqual([])
  const [kept] = tablesFrom.drizzle({ long }).tables
  expect([kept!.name, kept!.columns[1]!.name, kept!.indexes[0]!.keys[0]!.column]).toEqual([
    't'.repeat(63),
    'ö'.repeat(31),
    'ö'.repeat(31),
  ])
  expect(kept!.foreignKeys).toMatchObject([
    { columns: ['ö'.repeat(31)], references: { table: 't'.repeat(63) } },
  ])
})
