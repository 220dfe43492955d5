import { EntitySchema, DataSource } from 'typeorm'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { since } from '../../testing/postgres-major.ts'
import { tablesFrom } from '../from/index.ts'
import { reflect } from '../reflect/index.ts'
import type { ModelSchema, Schema } from '../table.ts'
import { drift } from './index.ts'

const User = new EntitySchema<any>({
  name: 'users',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'varchar', length: 20, default: 'nobody', comment: 'as it is called' },
    email: { type: 'text', unique: true, nullable: true },
    price: { type: 'numeric', precision: 10, scale: 2, default: 0 },
    at: { type: 'timestamptz', default: () => 'CURRENT_TIMESTAMP' },
    mood: { type: 'enum', enum: ['sad', 'glad'], enumName: 'mood', default: 'sad' },
    moods: { type: 'enum', enum: ['sad', 'glad'], enumName: 'mood', array: true, nullable: true },
    tags: { type: 'text', array: true, default: [] },
    doubled: { type: 'int', asExpression: 'id * 2', generatedType: 'STORED' },
    code: { type: 'text', collation: 'C' },
    span: { type: 'int4range', nullable: true },
  },
  indices: [
    { name: 'users_by_price', columns: ['price'] },
    { name: 'users_named', columns: ['name', 'code'], where: `name <> '' and price > 0` },
  ],
  checks: [{ name: 'priced', expression: 'price >= 0' }],
  exclusions: [{ name: 'apart', expression: 'USING gist (span WITH &&)' }],
})
const Order = new EntitySchema<any>({
  name: 'orders',
  columns: {
    number: { type: 'bigint', primary: true, generated: 'identity' as any },
    part: { type: 'int', primary: true },
  },
  relations: {
    user: {
      type: 'many-to-one',
      target: 'users',
      joinColumn: { name: 'user_id' },
      onDelete: 'CASCADE',
      nullable: true,
    },
  },
})
const Open = new EntitySchema<any>({
  name: 'open',
  type: 'view',
  expression: 'select number from orders',
  columns: { number: { type: 'bigint' } },
} as any)

let database: TestDatabase
let client: pg.Client
let models: ModelSchema
beforeAll(async () => {
  database = await createDatabase()
  client = new pg.Client(database.url)
  await client.connect()
  const dataSource = new DataSource({
    type: 'postgres',
    url: database.url,
    installExtensions: false,
    entities: [User, Order, Open],
  })
  await dataSource.initialize()
  await dataSource.synchronize()
  models = tablesFrom.typeorm(dataSource)
  await dataSource.destroy()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})
beforeEach(() => client.query('begin').then(() => () => client.query('rollback')))

const changed = async (...statements: string[]): Promise<Schema> => {
  for (const statement of statements) await client.query(statement)
  return reflect(client)
}

test('a schema that its host has made has no drift', async () => {
  expect(drift(await changed(), models)).toEqual([])
})

const constraint = (type: string, table: string) =>
  `do $$ begin execute 'alter table ${table} drop constraint "' ||
     (select conname from pg_constraint where contype = '${type}' and conrelid = '${table}'::regclass) || '" cascade'; end $$`

test.each<[kind: string, change: string, words: string]>([
  ['missing table', 'drop view open; drop table orders', ''],
  ['missing table', 'drop view open', 'The models have a view public.open, and the database does not.'],
  [
    'missing table',
    'drop table users cascade',
    'The models have a table public.users, and the database does not.',
  ],
  [
    'extra table',
    'create table other (id int)',
    'The database has a table public.other, and the models do not.',
  ],
  [
    'kind of relation',
    'drop view open; create table open (number bigint)',
    'public.open is a view in the models and a table in the database.',
  ],
  [
    'missing column',
    'alter table users drop email',
    'The models have a column public.users.email (text), and the database does not.',
  ],
  [
    'missing column',
    'alter table users drop price',
    'The models have a column public.users.price (numeric(10,2)), and the database does not.',
  ],
  [
    'missing column',
    'alter table orders drop user_id',
    'The models have a column public.orders.user_id (integer), and the database does not.',
  ],
  [
    'extra column',
    'alter table users add more int not null unique',
    'The database has a column public.users.more (integer, not null), and the models do not.',
  ],
  [
    'type',
    'alter table users alter name type varchar(30)',
    'The type of public.users.name is character varying(20) in the models and character varying(30) in the database.',
  ],
  [
    'type',
    'alter table users alter name type text',
    'The type of public.users.name is character varying(20) in the models and text in the database.',
  ],
  [
    'type',
    'alter table orders alter part type bigint',
    'The type of public.orders.part is integer in the models and bigint in the database.',
  ],
  [
    'type',
    'alter table users alter email type text[] using null',
    'The type of public.users.email is text in the models and text[] in the database.',
  ],
  [
    'type',
    'alter table users alter price type numeric(12,2)',
    'The type of public.users.price is numeric(10,2) in the models and numeric(12,2) in the database.',
  ],
  [
    'type',
    'alter table users alter at type timestamp',
    'The type of public.users.at is timestamp with time zone in the models and timestamp without time zone in the database.',
  ],
  [
    'nullability',
    'alter table users alter name drop not null',
    'public.users.name is not null in the models and nullable in the database.',
  ],
  [
    'nullability',
    'alter table users alter email set not null',
    'public.users.email is nullable in the models and not null in the database.',
  ],
  [
    'default',
    `alter table users alter name set default 'nobody else'`,
    `The default of public.users.name is 'nobody' in the models and 'nobody else'::character varying in the database.`,
  ],
  [
    'default',
    'alter table users alter name drop default',
    `The default of public.users.name is 'nobody' in the models and none in the database.`,
  ],
  [
    'default',
    `alter table users alter email set default 'x'`,
    `The default of public.users.email is none in the models and 'x'::text in the database.`,
  ],
  ['default', `alter table users alter at set default clock_timestamp()`, ''],
  ['default', `alter table users alter tags set default '{a}'`, ''],
  ['default', `alter table users alter mood set default 'glad'`, ''],
  ['default', 'alter table users alter price set default 1', ''],
  [
    'default',
    'alter table users alter id drop default',
    'The default of public.users.id is the next number in the models and none in the database.',
  ],
  [
    'identity',
    'alter table orders alter number set generated always',
    'The counting of public.orders.number is the next number in the models and always the next number in the database.',
  ],
  [
    'identity',
    'alter table orders alter number drop identity',
    'The counting of public.orders.number is the next number in the models and none in the database.',
  ],
  [
    'generated',
    since(
      17,
      'alter table users alter doubled set expression as (id * 3)',
      'alter table users drop doubled, add doubled int not null generated always as (id * 3) stored',
    ),
    'The expression of public.users.doubled is id * 2 in the models and (id * 3) in the database.',
  ],
  ['generated', 'alter table users alter doubled drop expression', ''],
  [
    'generated',
    `alter table users drop doubled; alter table users add doubled int not null generated always as ${since(18, '(id * 2) virtual', '(id * 4) stored')}`,
    since(
      18,
      'The expression of public.users.doubled is id * 2 stored in the models and (id * 2) virtual in the database.',
      '',
    ),
  ],
  [
    'collation',
    'alter table users alter code type text collate "POSIX"',
    'The collation of public.users.code is C in the models and POSIX in the database.',
  ],
  [
    'comment',
    `comment on column users.name is 'other'`,
    'The comment of public.users.name is as it is called in the models and other in the database.',
  ],
  [
    'enum values',
    `alter type mood add value 'so so'`,
    'The list of values of public.mood is sad, glad in the models and sad, glad, so so in the database.',
  ],
  [
    'primary key',
    constraint('p', 'orders'),
    'The primary key of public.orders is (number, part) in the models and none in the database.',
  ],
  ['primary key', `${constraint('p', 'orders')}; alter table orders add primary key (number)`, ''],
  ['missing unique', constraint('u', 'users'), ''],
  [
    'extra unique',
    'alter table users add constraint one unique (name, email)',
    'public.users has a unique constraint "one" in the database, (name, email), and the models do not.',
  ],
  ['extra unique', 'create unique index one on users (name, email)', ''],
  [
    'deferrability',
    `${constraint('u', 'users')}; alter table users add constraint "UQ_97672ac88f789774dd47f7c8be3" unique (email) deferrable`,
    '',
  ],
  ['missing foreign key', constraint('f', 'orders'), ''],
  [
    'extra foreign key',
    'alter table orders add constraint more foreign key (part) references users',
    'public.orders has a foreign key "more" in the database, (part) references public.users (id), and the models do not.',
  ],
  [
    'missing check',
    'alter table users drop constraint priced',
    'public.users should have a check "priced", CHECK (price >= 0), and the database has none like it.',
  ],
  [
    'check',
    'alter table users drop constraint priced, add constraint priced check (price >= 1)',
    'The check of public.users "priced" is CHECK (price >= 0) in the models and CHECK ((price >= (1)::numeric)) in the database.',
  ],
  ['extra check', `alter table users add constraint named check (name <> '')`, ''],
  ['missing exclusion', 'alter table users drop constraint apart', ''],
  ['extra exclusion', 'alter table orders add constraint alone exclude using btree (part with =)', ''],
  [
    'missing index',
    'drop index users_by_price',
    'public.users should have an index "users_by_price", btree (price), and the database has none like it.',
  ],
  [
    'extra index',
    'create index more on users (lower(name))',
    'public.users has an index "more" in the database, btree (lower((name)::text)), and the models do not.',
  ],
  [
    'index',
    'drop index users_by_price; create index users_by_price on users using hash (price)',
    'The index of public.users "users_by_price" is btree (price) in the models and hash (price) in the database.',
  ],
  [
    'index',
    `drop index users_named; create index users_named on users (name, code) where name <> 'x' and price > 0`,
    '',
  ],
  [
    'index',
    `update pg_index set indisvalid = false where indexrelid = 'users_by_price'::regclass`,
    'The index of public.users "users_by_price" is btree (price) in the models and btree (price), not valid in the database.',
  ],
  [
    'name',
    'alter index users_by_price rename to by_price',
    'What the models call "users_by_price" on public.users is called "by_price" in the database.',
  ],
  [
    'name',
    'alter table users rename constraint priced to paid',
    'What the models call "priced" on public.users is called "paid" in the database.',
  ],
])('%s: %s', async (kind, change, words) => {
  const [found, ...more] = drift(await changed(change), models)
  if (change.includes('drop table orders')) {
    expect([found, ...more].map(difference => difference?.kind)).toEqual(['missing table', 'missing table'])
    return
  }
  expect({ more, kind: found?.kind }).toEqual({ more: [], kind })
  if (words !== '') expect(found?.words).toBe(words)
})

test('nulls that only one side takes for equal', async () => {
  const takesThemForEqual = {
    ...models,
    tables: models.tables.map(table => ({
      ...table,
      uniques: table.uniques.map(unique => ({ ...unique, nullsNotDistinct: true })),
    })),
  }
  expect(drift(await changed(), takesThemForEqual).map(({ kind }) => kind)).toEqual(['nulls'])
  const unique = since(15, 'unique nulls not distinct', 'unique')
  const reflected = await changed(
    constraint('u', 'users'),
    `alter table users add constraint "UQ_97672ac88f789774dd47f7c8be3" ${unique} (email)`,
  )
  expect(drift(reflected, models).map(({ kind }) => kind)).toEqual(since(15, ['nulls'], []))
})

test.each([
  `alter table users alter name set default 'nobody'::text`,
  `alter table users alter at set default now()`,
  `alter table users alter price set default '0.00'`,
  `alter table users alter tags set default array[]::text[]`,
  `alter table users alter id drop default; alter table users alter id add generated by default as identity`,
  `alter table users drop constraint priced, add constraint priced check ((price)::numeric >= '0')`,
  `drop index users_named; create index users_named on users (name, code) where ((name)::text != ''::text) and (price > 0)`,
  'comment on table users is $$more$$',
  'alter table users alter email set default null::varchar',
  'create table enginelight_decision (id int); create table enginelight_location (id int)',
  'create table knex_migrations (id int); create schema other; create table other.one (id int)',
  'alter type mood rename to feeling; alter type feeling rename to mood',
  // TypeORM cannot express any of these.
  'drop index users_by_price; create index users_by_price on users (price desc nulls last) include (name)',
  `${constraint('u', 'users')}; alter table users add constraint "UQ_97672ac88f789774dd47f7c8be3" unique (email) include (name)`,
])('no difference: %s', async change => {
  expect(drift(await changed(change), models)).toEqual([])
})

test('the action of a foreign key is told with both, and ignore takes out what it says', async () => {
  const reflected = await changed(
    constraint('f', 'orders'),
    `alter table orders add constraint "${models.tables.find(({ name }) => name === 'orders')!.foreignKeys[0]!.name}" foreign key (user_id) references users on delete set null`,
  )
  const differences = drift(reflected, models)
  expect(differences.map(({ kind, models, database }) => ({ kind, models, database }))).toEqual([
    {
      kind: 'foreign key action',
      models: 'on update no action, on delete cascade',
      database: 'on update no action, on delete set null',
    },
  ])
  expect(
    drift(reflected, models, {
      ignore: ({ kind, table }) => kind === 'foreign key action' && table === 'orders',
    }),
  ).toEqual([])
})
