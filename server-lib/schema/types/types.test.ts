import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { compile, ROOT } from '../../testing/page.ts'
import { since } from '../../testing/postgres-major.ts'
import { reflect } from '../reflect/index.ts'
import type { Schema } from '../table.ts'
import { connect } from '../testing/connect.ts'
import { RICH_SCHEMA } from '../testing/rich-schema.ts'
import { typesOf, writeTypes } from './index.ts'

const folder = join(ROOT, '.cache', `types-${process.pid}`)

let database: TestDatabase
let schema: Schema
beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  database = await createDatabase(RICH_SCHEMA)
  await using session = await connect(database.url)
  schema = await reflect(session.client, { schemas: '*' })
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

/** The text of one declaration, to its end. */
const declaration = (text: string, name: string) =>
  new RegExp(`(/\\*\\*[^\\n]*\\n)?export (interface|type) ${name} [^]*?(\\n}|(?=\\n\\n))`).exec(text)?.[0]

test('each table has what is read, what may be inserted and what may be updated', () => {
  const text = typesOf(schema, { name: 'ShopTables', searchPath: ['shop', 'public'] })
  expect(declaration(text, 'Customers')).toBe(`/** Who buys */
export interface Customers {
  id: string
  /** As printed; it's "theirs" */
  Name: string
  mail: string
  second_mail: string
  mood: Mood
  moods: string
  mails: string | null
  tags: string[] | null
  address: string | null
  price: string | null
  title: string
  german: string | null
  slug: string | null
  doubled: string | null
  serial_number: number
  by_default: number
  at: Date | null
  times: string[] | null
  place: { x: number; y: number } | null
  key_of: string | null
  best_friend: string | null
}`)
  expect(declaration(text, 'CustomersInsert')).toBe(`export interface CustomersInsert {
  Name: string
  mail?: string
  second_mail?: string
  mood?: Mood
  moods?: string | readonly Mood[]
  mails?: string | readonly string[] | null
  tags?: readonly string[] | null
  address?: string | null
  price?: string | number | null
  title: string
  german?: string | null
  serial_number?: number
  by_default?: number
  at?: Date | string | null
  times?: readonly string[] | null
  place?: string | null
  key_of?: string | null
  best_friend?: string | number | bigint | null
}`)
  expect(declaration(text, 'CustomersUpdate')).toMatch(/\n  Name\?: string\n  mail\?: string\n/)
  expect(declaration(text, 'Mood')).toBe(
    `/** How somebody feels */\nexport type Mood = 'sad' | 'so so' | 'ok' | 'happy'`,
  )
  expect(declaration(text, 'Nothing')).toBe('export interface Nothing {}')
  expect(declaration(text, 'ShopTables')).toBe(`export interface ShopTables {
  'Odd Names.places': Knex.CompositeTableType<OddNamesPlaces, OddNamesPlacesInsert, OddNamesPlacesUpdate>
  bookings: Knex.CompositeTableType<Bookings, BookingsInsert, BookingsUpdate>
  children: Knex.CompositeTableType<Children, ChildrenInsert, ChildrenUpdate>
  customers: Knex.CompositeTableType<Customers, CustomersInsert, CustomersUpdate>
  events: Knex.CompositeTableType<Events, EventsInsert, EventsUpdate>
  far: Knex.CompositeTableType<Far, FarInsert, FarUpdate>
  names: Knex.CompositeTableType<Names, never, never, never>
  nothing: Knex.CompositeTableType<Nothing, NothingInsert, NothingUpdate>
  parents: Knex.CompositeTableType<Parents, ParentsInsert, ParentsUpdate>
  places: Knex.CompositeTableType<Places, PlacesInsert, PlacesUpdate>
  'public.places': Knex.CompositeTableType<PublicPlaces, PublicPlacesInsert, PublicPlacesUpdate>
  rents: Knex.CompositeTableType<Rents, RentsInsert, RentsUpdate>
  replies: Knex.CompositeTableType<Replies, RepliesInsert, RepliesUpdate>
  totals: Knex.CompositeTableType<Totals, never, never, never>
  visits: Knex.CompositeTableType<Visits, VisitsInsert, VisitsUpdate>
}`)
  expect(typesOf(schema, { partitions: true })).toContain(`'shop.events_2025': `)
})

const READ: Record<string, string> = {
  bool: 'true',
  int2: '1',
  int4: '1',
  oid: '1',
  int8: '9007199254740993',
  float4: '1.5',
  float8: '1.5',
  numeric: '1.50',
  text: 'a',
  varchar: 'a',
  bpchar: 'a',
  char: 'a',
  name: 'a',
  uuid: '00000000-0000-0000-0000-000000000001',
  money: '1',
  date: '2025-01-31',
  timestamp: '2025-01-31 12:00',
  timestamptz: '2025-01-31 12:00+00',
  time: '12:00',
  timetz: '12:00+00',
  interval: '1 day 2 hours',
  bytea: '\\x01',
  json: '{"a":1}',
  jsonb: '{"a":1}',
  point: '(1,2)',
  circle: '<(1,2),3>',
  box: '(1,2),(3,4)',
  line: '{1,2,3}',
  lseg: '[(1,2),(3,4)]',
  path: '[(1,2)]',
  polygon: '((1,2))',
  inet: '127.0.0.1',
  cidr: '10.0.0.0/8',
  macaddr: '08:00:2b:01:02:03',
  macaddr8: '08:00:2b:01:02:03:04:05',
  bit: '1',
  varbit: '10',
  xml: '<a/>',
  tsvector: 'a',
  tsquery: 'a',
  int4range: '[1,2)',
  numrange: '[1,2)',
  tstzrange: '[2025-01-01,)',
  ...since(14, { int4multirange: '{[1,2)}' }, {}),
  pg_lsn: '0/1',
  regclass: 'pg_class',
  regproc: 'now',
  mood: 'ok',
  positive: '1',
  citext: 'a',
  hstore: 'a=>1',
}

/** A value's type, as TypeScript writes it. */
function seen(value: unknown): string {
  if (Array.isArray(value)) return `${seen(value[0])}[]`
  if (value instanceof Date) return 'Date'
  if (Buffer.isBuffer(value)) return 'Buffer'
  if (typeof value !== 'object' || value === null) return typeof value
  if ('toPostgres' in value) return 'Interval'
  if ('radius' in value) return '{ x: number; y: number; radius: number }'
  if ('x' in value) return '{ x: number; y: number }'
  return 'unknown'
}

test('values are typed as pg reads them, of every type and of its arrays', async () => {
  await using session = await connect(database.url)
  const { client } = session
  await client.query('begin')
  await client.query(`create schema many; set local search_path to many;
    create extension citext schema many; create extension hstore schema many;
    create type mood as enum ('ok', 'sad'); create domain positive as int check (value > 0);`)
  const columns = Object.keys(READ).flatMap(type => [`"${type}" "${type}"`, `"${type}[]" "${type}"[]`])
  await client.query(`create table everything (${columns.join(', ')})`)
  const values = Object.entries(READ).flatMap(([type, value]) => {
    const text = `'${value.replaceAll("'", "''")}'::"${type}"`
    return [text, `array[${text}]`]
  })
  await client.query(`insert into everything values (${values.join(', ')})`)
  const [row] = (await client.query('select * from everything')).rows
  const text = typesOf(await reflect(client), { searchPath: ['many'] })
  const said = new Map(
    [
      ...(declaration(text, 'Everything') ?? '').matchAll(
        /^ {2}'?([^':]+)'?: (.*) \| null$|^ {2}'?(jsonb?)'?: (unknown)$/gm,
      ),
    ].map(([, name = '', type = '', jsonName, jsonType]) => [jsonName ?? name, jsonType ?? type]),
  )
  expect(Object.fromEntries(said)).toEqual(
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, name === 'mood' ? 'Mood' : seen(value)]),
    ),
  )
  expect(said.size).toBe(2 * Object.keys(READ).length)
  await client.query('rollback')
})

test('what may be written is what the server takes', async () => {
  const engines = createEngines({ shop: engine()({ connection: database.url }) })
  try {
    await using db = engines.open()
    const session = db.shop
    await session.query(`create temporary table written (int8 int8, numeric numeric, date date, timestamptz timestamptz,
      interval interval, bytea bytea, json json, jsonb jsonb, point point, numerics numeric[], moods shop.mood[],
      mails shop.email[], tags text[], bools bool[], dates timestamptz[])`)
    const span = (await session.query(`select interval '1 day' as span`)).rows[0].span
    const alternatives: Record<string, unknown[]> = {
      int8: ['9007199254740993', 1, 9007199254740993n],
      numeric: ['1.50', 1.5],
      date: [new Date(), '2025-01-31'],
      timestamptz: [new Date(), '2025-01-31 12:00Z'],
      interval: [span, '1 day'],
      bytea: [new Uint8Array([1, 2]), Buffer.from('a')],
      json: [{ a: 1 }],
      jsonb: [{ a: 1 }],
      point: ['(1,2)'],
      numerics: [['1.5', 2]],
      moods: ['{ok,sad}', ['ok', 'sad']],
      mails: ['{a@b}', ['a@b']],
      tags: [['a', 'b,"c']],
      bools: [[true, false]],
      dates: [[new Date(), '2025-01-31']],
    }
    for (const [column, values] of Object.entries(alternatives)) {
      for (const value of values) await session('written').insert({ [column]: value })
    }
    const { rows } = await session.query(
      'select count(*)::int as n, max(numeric) as numeric, max(int8) as int8 from written',
    )
    expect(rows).toEqual([{ n: 24, numeric: '1.5', int8: '9007199254740993' }])
  } finally {
    await engines.close()
  }
})

test('typeMap has types, columns and what is written apart', () => {
  const text = typesOf(schema, {
    searchPath: ['shop'],
    imports: [`import type { Money } from './money.js'`],
    typeMap: {
      int8: 'bigint',
      'mood[]': { read: 'string', write: 'string' },
      email: '`${string}@${string}`',
      'customers.price': { read: 'Money', write: 'Money | number' },
      'shop.events.note': 'Note',
    },
  })
  const customers = declaration(text, 'Customers') ?? ''
  const insert = declaration(text, 'CustomersInsert') ?? ''
  expect(customers).toContain('  id: bigint\n')
  expect(customers).toContain('  best_friend: bigint | null\n')
  expect(customers).toContain('  mail: `${string}@${string}`\n')
  expect(customers).toContain('  price: Money | null\n')
  expect(insert).toContain('  price?: Money | number | null\n')
  expect(insert).toContain('  moods?: string\n')
  expect(declaration(text, 'Events')).toContain('  note: Note | null')
  expect(text).toContain(`import type { Knex } from 'knex'\nimport type { Money } from './money.js'\n`)
  for (const typeMap of [
    { 'customers.prize': 'Money' },
    { int8: '' },
    { int8: { read: 3 } },
    { int8: null },
  ]) {
    expect(() => typesOf(schema, { typeMap: typeMap as never })).toThrow(
      expect.objectContaining({ code: 'EL_CONFIG' }),
    )
  }
  expect(() => typesOf(schema, { name: 'my tables' })).toThrow(
    /that of a type of its own, and not "my tables"/,
  )
  for (const name of ['string', 'class', 'Knex', 'Interval', 'a³', ''])
    expect(() => typesOf(schema, { name })).toThrow(
      expect.objectContaining({ code: 'EL_CONFIG', option: 'name' }),
    )
  expect(() =>
    typesOf(schema, { name: 'Money', imports: [`import type { Money } from './money.js'`] }),
  ).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
})

test('names that collide, and what is no name, compile all the same', async () => {
  await using session = await connect(database.url)
  await session.client.query(`begin; create schema odd; set local search_path to odd;
    create table order_items (id int); create table "OrderItems" (id int); create table order_items_insert (id int);
    create table date (at timestamptz, "it's" int, "a-b" int, "1st" int, "new
line" int, "back\\slash" text, "constructor" int);
    create table "12 monkeys" (id int); create table "日本" (id int); create table "!" (id int);
    create type "order-items" as enum ('it''s', 'a"b', 'new
line', '');
    create type never_ever as enum ();
    create table string (e "order-items", n never_ever, es "order-items"[]);
    create table "Tables" (id int, i interval);
    comment on table string is 'ends */ export const x = 1 /*
second line'; comment on column string.e is 'and */ here'`)
  const text = typesOf(await reflect(session.client), { searchPath: ['odd'] })
  await session.client.query('rollback')
  const file = join(folder, 'odd.ts')
  await writeFile(file, text)
  expect(await compile([file], folder)).toBe('')
  expect([...text.matchAll(/^export (?:interface|type) (\S+)/gm)].map(([, name]) => name)).toEqual([
    'OrderItems3',
    'NeverEver',
    'Table',
    'TableInsert',
    'TableUpdate',
    'Table12Monkeys',
    'Table12MonkeysInsert',
    'Table12MonkeysUpdate',
    'OrderItems',
    'OrderItemsInsert',
    'OrderItemsUpdate',
    'Tables2',
    'Tables2Insert',
    'Tables2Update',
    'Date2',
    'Date2Insert',
    'Date2Update',
    'OrderItems2',
    'OrderItems2Insert',
    'OrderItems2Update',
    'OrderItemsInsert2',
    'OrderItemsInsert2Insert',
    'OrderItemsInsert2Update',
    'String2',
    'String2Insert',
    'String2Update',
    '日本',
    '日本Insert',
    '日本Update',
    'Tables',
  ])
})

/** Names in all scripts, names that look like syntax, and names that TypeScript uses. */
const NAMES = [
  'verbrauch_m³',
  'verbrauch_m3',
  'größe_½',
  '①',
  '²',
  '٣_arabic',
  'Ⅷ',
  'नमस्ते_दुनिया',
  'e\u0301te\u0301',
  'été',
  'ŉame',
  'ﬁre',
  'ǆ',
  '𐐨𐐩',
  '𝔘nicode',
  '😀',
  '👩‍👩‍👧 family',
  'zero\u200bwidth',
  'joined\u200d',
  '\u2e2ftilde',
  '·dot',
  'a‿b',
  '$money$',
  '___',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'class',
  'new',
  'readonly',
  'get',
  'default',
  'unknown',
  'it\'s "quoted"',
  'back\\slash\\',
  'tick `${x}`',
  '*/ export const x = 1 /*',
  '// line',
  '<T>',
  'a?: b; c',
  '[key: string]',
  'tab\there',
  'line\r\nend',
  'sep\u2028arator',
  'next\u0085line',
  'right\u202eto left',
  '\ufeffmark',
  '1',
  '01',
  '-1',
  ' ',
]

test('tables, columns, types, values and comments by any name compile', async () => {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
  const text = (value: string) => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  const values = NAMES.map(text).join(', ')
  const orders = ['@ts-expect-error', 'first\n@ts-ignore', '@deprecated', '@type {x', '/'].map(text)
  await using session = await connect(database.url)
  await session.client
    .query(`begin; create schema "s.ch\\ema 'x' ½"; set local search_path to "s.ch\\ema 'x' ½", odd_names;
    create schema odd_names; create type odd_names.mood as enum ('x,y'); create type mood as enum ('x', 'y');
    create table moods (a mood, b odd_names.mood);
    ${NAMES.map(
      (name, index) => `
      create type ${quoted(`t ${name}`.slice(0, 30))} as enum (${values});
      create table ${quoted(name)} (${NAMES.map(column => `${quoted(column)} int not null`).join(', ')}, "e of it" ${quoted(`t ${name}`.slice(0, 30))});
      create table odd_names.${quoted(name)} (id int);
      comment on table ${quoted(name)} is ${index < orders.length ? orders[index] : text(name)};
      comment on column ${quoted(name)}."e of it" is ${orders[index % orders.length]};`,
    ).join('')}`)
  const written = typesOf(await reflect(session.client, { schemas: '*', only: /^(?:s\.ch|odd_names)/ }), {
    searchPath: ["s.ch\\ema 'x' ½"],
  })
  await session.client.query('rollback')
  const file = join(folder, 'any-name.ts')
  await writeFile(file, written)
  expect(await compile([file], folder)).toBe('')
  expect(await readFile(file, 'utf8')).toBe(written)
  expect(written).toContain('  a: Mood | null\n  b: Mood2 | null\n')
  const declared = [...written.matchAll(/^export (?:interface|type) (\S+)/gm)].map(([, name]) => name!)
  expect(new Set(declared).size).toBe(declared.length)
  expect(declared).toContain('VerbrauchM3')
  expect(declared).toContain('VerbrauchM32')
})

test('half a surrogate pair in a name, a value or a comment compiles', async () => {
  const table = { ...schema.tables[0]!, name: 'half \ud800', comment: 'half \udc00', partitionOf: null }
  const columns = table.columns.map(column => ({
    ...column,
    name: `${column.name}\ud800`,
    comment: '\ud83d',
  }))
  const written = typesOf({ ...schema, tables: [{ ...table, columns }] })
  const file = join(folder, 'half.ts')
  await writeFile(file, written)
  expect(await compile([file], folder)).toBe('')
  // Otherwise each run would find a difference.
  expect(await readFile(file, 'utf8')).toBe(written)
})

test('the tables of install() have no types', async () => {
  const engines = createEngines({ shop: engine()({ connection: database.url }) })
  try {
    await engines.install()
    const out = join(folder, 'installed')
    await writeTypes(engines, { out, schemas: ['public'] })
    expect(await readFile(join(out, 'shop.d.ts'), 'utf8')).not.toMatch(/enginelight_/i)
  } finally {
    await engines.close()
    await database.admin('drop table enginelight_decision, enginelight_location')
  }
})

test('the names of imports and of a type map are left to them, and a name that two tables have is that of the one which knex finds', async () => {
  await using session = await connect(database.url)
  await session.client.query(`begin; create schema a; create schema b; set local search_path to a, b;
    create table "b.lines" (wrong int); create table a.lines (id int); create table b.lines (id int, details jsonb);
    create table record (id int); create table "DetailsOfLine" (id int)`)
  const text = typesOf(await reflect(session.client), {
    searchPath: ['a', 'b'],
    imports: [`import type { Of as DetailsOfLine } from './details.js'`],
    typeMap: { 'b.lines.details': 'DetailsOfLine', jsonb: 'Record<string, number>' },
  })
  await session.client.query('rollback')
  const file = join(folder, 'taken.ts')
  await writeFile(join(folder, 'details.ts'), 'export type Of = Record<string, string>')
  await writeFile(file, text)
  expect(await compile([file], folder)).toBe('')
  expect(text).toContain('\n  details: DetailsOfLine | null\n')
  expect(text).not.toContain('wrong')
  expect(text).toMatch(/ {2}'b.lines': .*\n {2}lines: .*\n {2}record: .*<Record2, /)
})

test('a mistake is told before anything is read or written', async () => {
  expect(() => typesOf(Promise.resolve(schema) as never)).toThrow(
    expect.objectContaining({
      code: 'EL_CONFIG',
      message: expect.stringContaining('await reflect(…) first'),
    }),
  )
  const engines = { names: ['shop'], open: () => expect.fail('a session was opened') }
  for (const [of, options, option] of [
    [{}, { out: folder }, 'engines'],
    [engines, { out: folder, chekc: true }, 'chekc'],
    [engines, {}, 'out'],
  ] as const) {
    await expect(writeTypes(of as never, options as never)).rejects.toMatchObject({
      code: 'EL_CONFIG',
      option,
    })
  }
})

test('the file of an engine is its types, and its builders check by them', async () => {
  const engines = createEngines({
    shop: engine()({ connection: `${database.url}?options=-c%20search_path%3Dshop` }),
    'my-log': engine()({ connection: database.url }),
  })
  try {
    const file = (name: string) => readFile(join(folder, name), 'utf8')
    const write = (options: object = {}) => writeTypes(engines, { out: folder, ...options })
    const first = await write()
    expect(first).toEqual([
      {
        engine: 'shop',
        file: join(folder, 'shop.d.ts'),
        state: 'written',
        changes: ['there is no file yet'],
      },
      {
        engine: 'my-log',
        file: join(folder, 'my-log.d.ts'),
        state: 'written',
        changes: ['there is no file yet'],
      },
    ])
    expect(await readFile(join(folder, 'my-log.d.ts'), 'utf8')).toMatch(/interface MyLogTables {\n  places: /)
    await writeFile(join(folder, 'use.ts'), USE)
    // Nothing in a .d.ts is checked with skipLibCheck.
    await writeFile(join(folder, 'copy.ts'), await readFile(join(folder, 'shop.d.ts')))
    expect(await compile(['use.ts', 'copy.ts'], folder)).toBe('')
    // A second time: unchanged, and not written.
    const { mtimeMs } = await stat(join(folder, 'shop.d.ts'))
    expect((await write()).map(({ state }) => state)).toEqual(['unchanged', 'unchanged'])
    expect((await write({ check: true })).map(({ state }) => state)).toEqual(['unchanged', 'unchanged'])
    expect((await stat(join(folder, 'shop.d.ts'))).mtimeMs).toBe(mtimeMs)

    // With the line ends of a checkout on Windows.
    await writeFile(join(folder, 'my-log.d.ts'), (await file('my-log.d.ts')).replaceAll('\n', '\r\n'))
    expect((await write({ check: true })).map(({ state }) => state)).toEqual(['unchanged', 'unchanged'])

    await database
      .admin(
        'alter table shop.visits alter column y type int using 1; alter table shop.visits add column extra text',
      )
      .catch(() => database.admin('alter table shop.visits add column extra text not null'))
    const stale = await write({ check: true, engines: ['shop'] })
    expect(stale).toEqual([
      {
        engine: 'shop',
        file: join(folder, 'shop.d.ts'),
        state: 'stale',
        changes: [
          '+ Visits: extra: string',
          '+ VisitsInsert: extra: string',
          '+ VisitsUpdate: extra?: string',
        ],
      },
    ])
    expect((await stat(join(folder, 'shop.d.ts'))).mtimeMs).toBe(mtimeMs)
    expect((await write())[0]).toMatchObject({ state: 'written', changes: { length: 3 } })
    await expect(write({ engines: ['nope'] })).rejects.toMatchObject({
      code: 'EL_UNKNOWN_ENGINE',
      message: 'There is no engine "nope"; there are shop, my-log.',
    })
    await expect(write({ out: '' })).rejects.toMatchObject({ code: 'EL_CONFIG' })
  } finally {
    await engines.close()
  }
})

const USE = `
import { createEngines, engine } from 'enginelight'
import type { Customers, ShopTables } from './shop.js'

const engines = createEngines({ shop: engine<ShopTables>()({ connection: 'postgres://' }) })
export async function use(): Promise<Customers | undefined> {
  const { shop } = engines.open()
  await shop('customers').insert({ Name: 'a', title: 'b', best_friend: 1n, at: shop.fn.now() })
  // @ts-expect-error: title is missing
  void shop('customers').insert({ Name: 'a' })
  // @ts-expect-error: it is generated
  void shop('customers').insert({ Name: 'a', title: 'b', slug: 'c' })
  // @ts-expect-error: generated always
  void shop('customers').update({ id: '1' })
  // @ts-expect-error: no such mood
  void shop('customers').update({ mood: 'bad' })
  // @ts-expect-error: a view
  void shop('names').insert({ id: '1' })
  // @ts-expect-error: a partition has no types of its own
  void shop('events_2025')
  const names: { name: string | null }[] = await shop('names').select('name')
  void names
  return shop('customers').where({ mood: 'ok' }).first()
}
`
