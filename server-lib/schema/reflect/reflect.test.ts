import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectQuiet } from '../../testing/ground-truth.ts'
import { since } from '../../testing/postgres-major.ts'
import type { Column, Schema, Table } from '../table.ts'
import { connect } from '../testing/connect.ts'
import { askOracle, likeOracle } from '../testing/oracle.ts'
import { RICH_SCHEMA } from '../testing/rich-schema.ts'
import { readConstraints } from './constraints.ts'
import { reflect } from './index.ts'
import { readIndexes } from './indexes.ts'
import { ending } from '../../testing/ending.ts'

let database: TestDatabase
let all: Schema
beforeAll(async () => {
  database = await createDatabase(RICH_SCHEMA)
  await using session = await connect(database.url)
  all = await reflect(session.client, { schemas: '*' })
})
afterAll(() => database.drop())

const table = (name: string, schema = 'shop'): Table => {
  const found = all.tables.find(table => table.schema === schema && table.name === name)
  if (!found) throw new Error(`no table ${name}`)
  return found
}
const column = (name: string): Column => {
  const found = table('customers').columns.find(column => column.name === name)
  if (!found) throw new Error(`no column ${name}`)
  return found
}

test('every kind of relation is there, in the order of schema and name', () => {
  expect(all.tables.map(({ schema, name, kind }) => `${schema}.${name}: ${kind}`)).toEqual([
    'Odd Names.places: table',
    'public.places: table',
    'shop.bookings: table',
    'shop.children: table',
    'shop.customers: table',
    'shop.events: partitioned table',
    'shop.events_2025: partition',
    'shop.events_rest: partitioned table',
    'shop.events_rest_1: partition',
    'shop.far: foreign table',
    'shop.names: view',
    'shop.nothing: table',
    'shop.old_replies: partition',
    'shop.parents: table',
    'shop.places: table',
    'shop.rents: table',
    'shop.replies: partitioned table',
    'shop.replies_2025: partition',
    'shop.totals: materialized view',
    'shop.visits: table',
  ])
  expect(all.enums).toEqual([
    { schema: 'public', name: 'unused', values: ['a'], comment: null },
    { schema: 'shop', name: 'mood', values: ['sad', 'so so', 'ok', 'happy'], comment: 'How somebody feels' },
  ])
})

test('another program says the same of every table', async () => {
  const theirs = await askOracle(database.url, ['public', 'shop', 'Odd Names'])
  const ours = likeOracle(all)
  // What we report more exactly: rows may be null under a NOT NULL that is not validated, and a domain inherits the
  // default and the NOT NULL of its base domain.
  const better: Record<string, object> = {
    address: { nullable: true },
    mail: { default: `'nobody@example.org'::text` },
    second_mail: { default: `'nobody@example.org'::text`, nullable: false },
  }
  for (const { table, columns } of theirs) {
    if (table !== 'shop.customers') continue
    for (const column of columns as { name: string }[]) Object.assign(column, better[column.name])
  }
  expect(ours).toEqual(theirs)
  expect(ours).toHaveLength(12)
})

test('what a domain below a domain says is what the server does', async () => {
  await using session = await connect(database.url)
  await session.client.query('begin')
  const mails = await session.client
    .query(`insert into shop.customers ("Name", title) values ('a', 'b') returning mail, second_mail`)
    .catch(error => error.message)
  // The base domain's default violates the check of the domain above it.
  expect(mails).toMatch(/value for domain shop.work_email violates check constraint/)
  await session.client.query('rollback')
  await expect(
    session.client.query(`insert into shop.customers ("Name", title, second_mail) values ('a', 'b', null)`),
  ).rejects.toThrow(/domain shop.work_email does not allow null values/)
})

test('a column is all that the catalogue says of it; a dropped one is not there', () => {
  expect(column('Name')).toEqual({
    name: 'Name',
    type: 'character varying(20)',
    typeName: 'varchar',
    isArray: false,
    nullable: false,
    default: null,
    identity: null,
    generated: null,
    enumValues: null,
    domain: null,
    collation: null,
    comment: `As printed; it's "theirs"`,
  })
  expect(
    table('customers')
      .columns.map(({ name }) => name)
      .slice(0, 4),
  ).toEqual(['id', 'Name', 'mail', 'second_mail'])
  const text = ({ name, type, typeName, isArray, nullable }: Column) =>
    `${name} ${type} = ${typeName}${isArray ? '[]' : ''}${nullable ? '' : ' not null'}`
  expect(table('customers').columns.map(text)).toEqual([
    'id bigint = int8 not null',
    'Name character varying(20) = varchar not null',
    'mail shop.email = text not null',
    'second_mail shop.work_email = text not null',
    'mood shop.mood = mood not null',
    'moods shop.mood[] = mood[] not null',
    'mails shop.email[] = text[]',
    'tags shop.tags = text[]',
    'address shop.address = address',
    'price numeric(10,2) = numeric',
    'title text = text not null',
    'german text = text',
    'slug text = text',
    'doubled numeric = numeric',
    'serial_number integer = int4 not null',
    'by_default integer = int4 not null',
    'at timestamp(3) with time zone = timestamptz',
    'times time without time zone[] = time[]',
    'place point = point',
    'key_of name = name',
    'best_friend bigint = int8',
  ])
})

test('defaults, identities and generated columns are told apart', () => {
  expect(column('id')).toMatchObject({ identity: 'always', default: null, generated: null })
  expect(column('by_default')).toMatchObject({ identity: 'by default', default: null })
  expect(column('serial_number')).toMatchObject({
    identity: null,
    default: `nextval('shop.customers_serial_number_seq'::regclass)`,
  })
  expect(column('slug')).toMatchObject({ generated: 'shop.slug(title)', generation: 'stored', default: null })
  expect(column('doubled')).toMatchObject({
    generated: '(price * (2)::numeric)',
    generation: since(18, 'virtual', 'stored'),
    default: null,
  })
  expect(table('places', 'Odd Names').columns[1]).toMatchObject({
    name: 'select',
    default: `'it''s \\'::text`,
  })
  expect(table('places', 'public').columns[1]?.name).toBe('Odd"Column')
})

test('enums, domains and collations are those of what is below', () => {
  const values = ['sad', 'so so', 'ok', 'happy']
  expect(column('mood')).toMatchObject({ enumValues: values, domain: null, default: `'ok'::shop.mood` })
  expect(column('moods')).toMatchObject({ enumValues: values, isArray: true })
  expect(column('mail')).toMatchObject({ domain: 'shop.email', default: `'nobody@example.org'::text` })
  expect(column('second_mail')).toMatchObject({ domain: 'shop.work_email', nullable: false })
  // Its elements may not be null; the array may.
  expect(column('mails')).toMatchObject({ domain: 'shop.email', nullable: true, default: null })
  expect(column('tags')).toMatchObject({ domain: 'shop.tags', isArray: true })
  expect([column('title').collation, column('german').collation]).toEqual(['C', 'shop.german'])
})

const plain = { included: [], nullsNotDistinct: false, withoutOverlaps: false, deferrable: 'not deferrable' }

test('keys have their columns in their own order, and all that they were declared with', () => {
  expect(table('places')).toMatchObject({
    primaryKey: { name: 'places_pkey', columns: ['b', 'a'], ...plain },
    uniques: [{ name: 'places_c_a_key', columns: ['c', 'a'], ...plain }],
  })
  expect(table('customers').uniques).toEqual([
    {
      ...plain,
      name: 'customers mail',
      columns: ['mail', 'Name'],
      included: ['price'],
      nullsNotDistinct: since(15, true, false),
    },
    { ...plain, name: 'late', columns: ['serial_number'], deferrable: 'initially deferred' },
  ])
  expect(table('rents').primaryKey).toEqual({
    ...plain,
    name: 'rents_pkey',
    columns: ['room', 'during'],
    withoutOverlaps: since(18, true, false),
  })
  expect(table('nothing')).toMatchObject({ columns: [], primaryKey: null, uniques: [] })
})

test('foreign keys point column by column, with their actions', () => {
  const simple = {
    onUpdate: 'no action',
    onDelete: 'no action',
    deferrable: 'not deferrable',
    match: 'simple',
    valid: true,
    period: false,
  }
  expect(table('visits').foreignKeys).toEqual([
    {
      ...simple,
      name: 'to_later',
      columns: ['id'],
      references: { schema: 'shop', table: 'customers', columns: ['id'] },
    },
    {
      ...simple,
      name: 'to_nobody',
      columns: ['id'],
      references: { schema: 'shop', table: 'customers', columns: ['id'] },
      valid: false,
    },
    {
      ...simple,
      name: 'to_primary',
      columns: ['x', 'z'],
      references: { schema: 'shop', table: 'places', columns: ['a', 'b'] },
      onDelete: 'set null',
      ...since(15, { onDeleteColumns: ['z'] }, {}),
      deferrable: 'initially immediate',
    },
    {
      ...simple,
      name: 'to_unique',
      columns: ['y', 'x'],
      references: { schema: 'shop', table: 'places', columns: ['c', 'a'] },
      onUpdate: 'cascade',
      match: 'full',
    },
  ])
  expect(table('customers').foreignKeys).toMatchObject([
    { name: 'friend', references: { table: 'customers' }, onDelete: 'set null' },
  ])
  expect(table('places', 'public').foreignKeys).toMatchObject([
    {
      name: 'to Odd',
      references: { schema: 'Odd Names', table: 'places' },
      deferrable: 'initially immediate',
    },
  ])
  expect(table('places', 'Odd Names').foreignKeys).toMatchObject([{ references: { schema: 'public' } }])
})

test('partitions have the keys that they inherited, and none for the partitions that a key points to', () => {
  const inherited = [
    { name: 'replies_event_at_fkey', references: { table: 'events', columns: ['id', 'at'] } },
    { name: 'replies_parent_parent_at_fkey', references: { table: 'replies', columns: ['event', 'at'] } },
  ]
  for (const name of ['replies', 'replies_2025', 'old_replies']) {
    expect(table(name).foreignKeys, name).toMatchObject(inherited)
    expect(table(name).foreignKeys, name).toHaveLength(2)
  }
  expect(table('events')).toMatchObject({ partitionKey: 'RANGE (at)', partitionOf: null })
  expect(table('events_2025').partitionOf).toEqual({
    schema: 'shop',
    table: 'events',
    bounds: `FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`,
  })
  expect(table('events_rest')).toMatchObject({
    partitionKey: 'LIST (id)',
    partitionOf: { bounds: 'DEFAULT' },
  })
  expect(table('events_rest_1').indexes.map(({ name }) => name)).toEqual(['events_rest_1_note_idx'])
})

test('checks and exclusions are as PostgreSQL prints them; a NOT NULL with a name is no check', () => {
  expect(table('children').checks).toMatchObject([{ name: 'parents_name_check', inherited: true }])
  expect(table('customers').checks).toEqual([
    { name: 'customers_price_check', definition: 'CHECK ((price >= (0)::numeric))', inherited: false },
    { name: 'later', definition: 'CHECK ((price < (1000)::numeric)) NOT VALID', inherited: false },
    { name: 'positive_serial', definition: 'CHECK ((serial_number > 0)) NO INHERIT', inherited: false },
  ])
  expect(column('title').nullable).toBe(false)
  expect(column('address').nullable).toBe(true)
  expect(table('bookings').exclusions).toEqual([
    {
      name: 'bookings_during_excl',
      definition: 'EXCLUDE USING gist (during WITH &&) WHERE ((room > 0))',
      inherited: false,
    },
  ])
  expect(table('bookings').indexes).toEqual([])
})

test('indexes have columns, expressions, INCLUDE and predicates, and each key its order, collation and operator class', () => {
  expect(table('customers').indexes).toMatchObject([
    {
      name: 'by_name',
      method: 'btree',
      unique: false,
      keys: [
        { column: null, expression: 'lower(("Name")::text)', descending: true, nullsFirst: false },
        { column: 'at', expression: null, descending: false, nullsFirst: false },
      ],
      included: ['price'],
      predicate: '(price > (10)::numeric)',
      definition:
        'CREATE INDEX by_name ON shop.customers USING btree (lower(("Name")::text) DESC NULLS LAST, at) INCLUDE (price) WHERE (price > (10)::numeric)',
    },
    { name: 'by_order' },
    { name: 'by_place', method: 'gist', keys: [{ column: 'place', descending: false, operatorClass: null }] },
    { name: 'by_slug', unique: true, nullsNotDistinct: since(15, true, false), valid: true },
    { name: 'by_tags', method: 'gin', predicate: null },
  ])
  const keys = table('customers').indexes.find(({ name }) => name === 'by_order')?.keys
  const plain = { descending: false, nullsFirst: false, collation: null, operatorClass: null }
  expect(keys).toEqual([
    {
      column: 'Name',
      expression: null,
      descending: true,
      nullsFirst: true,
      collation: null,
      operatorClass: 'varchar_pattern_ops',
    },
    { ...plain, column: 'title', expression: null },
    { ...plain, column: 'title', expression: null, nullsFirst: true, collation: 'shop.german' },
    { ...plain, column: 'german', expression: null, descending: true, operatorClass: 'shop.by_length' },
    {
      ...plain,
      column: null,
      expression: 'lower(title)',
      collation: 'POSIX',
      operatorClass: 'text_pattern_ops',
    },
    { ...plain, column: null, expression: '((price + (1)::numeric))' },
  ])
  expect(table('totals').indexes).toMatchObject([{ name: 'totals_by_mood', unique: true }])
})

test('a view has columns that may be null, and comments', () => {
  expect(table('names')).toMatchObject({
    comment: 'Who they are',
    columns: [
      { name: 'id', nullable: true },
      { name: 'name', comment: 'Theirs' },
      { name: 'mood', nullable: true },
      { name: 'moods', isArray: true },
    ],
  })
})

test('the search path says which schemas, and how types are written', async () => {
  await using session = await connect(database.url)
  const names = async () =>
    (await reflect(session.client)).tables.map(({ schema, name }) => `${schema}.${name}`)
  expect(await names()).toEqual(['public.places'])
  await session.client.query('set search_path to shop, "Odd Names"')
  expect(await names()).toContain('Odd Names.places')
  const { tables } = await reflect(session.client, { only: ['customers'] })
  expect(tables[0]?.columns[4]).toMatchObject({ type: 'mood', default: `'ok'::mood` })
  await session.client.query('set search_path to nowhere')
  await expect(reflect(session.client)).rejects.toMatchObject({ code: 'EL_UNKNOWN_SCHEMA' })
})

test('what a transaction has changed and not committed is seen in it', async () => {
  const engines = createEngines({ shop: engine()({ connection: database.url }) })
  try {
    await using db = engines.open()
    await db.shop.query('create table fresh (id int primary key references shop.visits)')
    await db.shop.query('alter table shop.visits rename column x to "X"')
    await db.shop.query('create temporary table passing (id int)')
    const { tables } = await reflect(db.shop, {
      schemas: ['public', 'shop', 'pg_temp'],
      only: ['fresh', 'shop.visits', 'passing'],
    })
    expect(tables.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      'pg_temp.passing',
      'public.fresh',
      'shop.visits',
    ])
    expect(tables[2]?.foreignKeys[3]?.columns).toEqual(['y', 'X'])
    await using other = await connect(database.url)
    expect(await reflect(other.client, { schemas: '*' })).toEqual(all)
  } finally {
    await engines.close()
    await expectQuiet(database)
  }
})

test('what is temporary is in pg_temp, wherever it is named', async () => {
  await using session = await connect(database.url)
  await session.client.query(`
    create collation pg_temp.german (provider = icu, locale = 'de');
    create domain pg_temp.title as text;
    create temporary table works (id int primary key, title pg_temp.title, name text collate pg_temp.german);
    create index by_name on works (title collate pg_temp.german);
    create temporary table parts (work int references works) partition by list (work);
    create temporary table first_parts partition of parts for values in (1);
  `)
  const { tables } = await reflect(session.client, { schemas: ['pg_temp'] })
  expect(tables).toMatchObject([
    { name: 'first_parts', partitionOf: { schema: 'pg_temp', table: 'parts' } },
    { name: 'parts', foreignKeys: [{ references: { schema: 'pg_temp', table: 'works' } }] },
    {
      name: 'works',
      columns: [{}, { domain: 'pg_temp.title' }, { collation: 'pg_temp.german' }],
      indexes: [{ keys: [{ collation: 'pg_temp.german' }] }],
    },
  ])
  // The backend's number. Before PostgreSQL 15 the server prints it in an index's definition.
  const seen = since(15, undefined, (key: string, value: unknown) => (key === 'definition' ? '' : value))
  expect(JSON.stringify(tables, seen)).not.toMatch(/pg_temp_\d/)
})

test('a foreign key with a PERIOD is told from another over the same columns', async () => {
  await using session = await connect(database.url)
  await session.client.query(`begin; create table shop.stays (room int4range, during tsrange,
    foreign key ${since(18, '(room, period during) references shop.rents (room, period during)', '(room, during) references shop.rents (room, during)')})`)
  const { tables } = await reflect(session.client, { schemas: ['shop'], only: ['stays'] })
  expect(tables[0]?.foreignKeys).toMatchObject([
    { columns: ['room', 'during'], period: since(18, true, false) },
  ])
  expect(table('visits').foreignKeys.map(({ period }) => period)).toEqual([false, false, false, false])
})

test('only takes names, names with schemas, patterns and functions; tables that are left out cost nothing', async () => {
  await using session = await connect(database.url)
  const names = async (only: Parameters<typeof reflect>[1]) =>
    (await reflect(session.client, { schemas: ['shop', 'public'], ...only })).tables.map(
      ({ schema, name }) => `${schema}.${name}`,
    )
  expect(await names({ only: ['places'] })).toEqual(['public.places', 'shop.places'])
  expect(await names({ only: ['shop.places'] })).toEqual(['shop.places'])
  expect(await names({ only: /^shop\.events/g })).toHaveLength(4)
  expect(await names({ only: ({ kind }) => kind === 'view' })).toEqual(['shop.names'])
  expect(await names({ only: () => false })).toEqual([])
  const some = await reflect(session.client, { schemas: ['shop', 'public'], only: ['visits', 'names'] })
  expect(some.enums.map(({ name }) => name)).toEqual(['mood'])
  expect(some.tables).toEqual([table('names'), table('visits')])
})

test('five statements, however many tables there are', async () => {
  await using session = await connect(database.url)
  await reflect(session.client, { schemas: '*' })
  await reflect(session.client, { schemas: '*', only: ['visits'] })
  expect(session.sent).toHaveLength(10)
})

test('what older servers are asked has none of the newer columns, and runs', async () => {
  await using session = await connect(database.url)
  const { rows } = await session.client.query(
    `select array_agg(oid) as oids from pg_class where relname = 'visits'`,
  )
  const constraints = await readConstraints(session.client, rows[0].oids, 130_000)
  const indexes = await readIndexes(session.client, rows[0].oids, 130_000)
  expect([...constraints.values()].flat()).toHaveLength(5)
  expect([...indexes.values()].flat()).toHaveLength(1)
  // Catalogue columns of PostgreSQL 14, 15 and 18.
  const newer =
    /confdelsetcols|conperiod|conenforced|indnullsnotdistinct|typsubscript|attcompression|inhdetachpending/
  expect(session.sent.join()).not.toMatch(newer)
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  expect(await reflect(pool, { schemas: '*' })).toEqual(all)
})

test('a role without any rights sees the same', async () => {
  await using session = await connect(database.url)
  await session.client.query('create role nobody_at_all; set role nobody_at_all')
  expect(await reflect(session.client, { schemas: '*' })).toEqual(all)
  await session.client.query('reset role; drop role nobody_at_all')
})

test('a mistake is told before anything is sent, or names what there is', async () => {
  await using session = await connect(database.url)
  const wrong: [unknown, RegExp][] = [
    [{ schema: 'shop' }, /no option "schema"; there are schemas, only, cache/],
    [{ schemas: 'shop' }, /schemas must be a list of names, or '\*'/],
    [{ schemas: [] }, /schemas must be/],
    [{ only: 'places' }, /only must be a list of names, a regular expression or a function/],
    [{ only: [''] }, /only must be/],
    [{ cache: {} }, /cache must be/],
    [{ cache: new Map(), only: () => true }, /cannot tell one function from another/],
  ]
  for (const [options, sentence] of wrong) {
    await expect(reflect(session.client, options as object)).rejects.toMatchObject({
      code: 'EL_CONFIG',
      message: expect.stringMatching(sentence),
    })
  }
  await expect(reflect({} as never)).rejects.toMatchObject({ code: 'EL_CONFIG' })
  expect(session.sent).toEqual([])
  await expect(reflect(session.client, { schemas: ['Shop', 'shop'] })).rejects.toMatchObject({
    code: 'EL_UNKNOWN_SCHEMA',
    message: expect.stringMatching(/no schema "Shop" in/),
  })
  await expect(reflect(session.client, { only: ['places', 'Places'] })).rejects.toMatchObject({
    code: 'EL_UNKNOWN_TABLE',
    message: 'There is no table or view "Places" in the schemas "public"; there are places.',
    known: ['places'],
  })
})
