import { sql } from 'drizzle-orm'
import * as t from 'drizzle-orm/pg-core'
import pg from 'pg'
import { DataTypes, Sequelize } from 'sequelize'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { since } from '../../testing/postgres-major.ts'
import { tablesFrom } from '../from/index.ts'
import { reflect } from '../reflect/index.ts'
import type { ModelSchema, Schema } from '../table.ts'
import { drift } from './index.ts'

let database: TestDatabase
let client: pg.Client
let schema: Schema
beforeAll(async () => {
  database = await createDatabase(`
    create table parents (a int, b int, primary key (a, b));
    create table words (
      id int primary key, word varchar(20), note text, at timestamptz, a int, b int, data jsonb, span int4range,
      twice int generated always as (a * 2) stored,
      constraint by_note unique (note) include (a),
      constraint of_parent foreign key (a, b) references parents on delete set null
    );
    create index by_at on words (at desc, a);
    create index by_word on words (lower(word) text_pattern_ops, note collate "C") include (a) where at is not null;
    create unique index only_once on words (a, b);
    create index in_data on words using gin (data);
  `)
  client = new pg.Client(database.url)
  await client.connect()
  schema = await reflect(client)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})
beforeEach(() => client.query('begin').then(() => () => client.query('rollback')))

const after = async (change: string, models: Schema | ModelSchema = schema) => {
  await client.query(change)
  return drift(await reflect(client), models).map(({ kind, name, models: wanted, database: has }) => [
    kind,
    name,
    wanted,
    has,
  ])
}
const instead = (name: string, statement: string) => `drop index ${name}; create ${statement}`
const byWord =
  'btree (lower((word)::text) text_pattern_ops, note collate C) include (a) where (at IS NOT NULL)'

describe('of two databases all is told', () => {
  test.each<[change: string, kind: string, name: string, models: string, database: string]>([
    [
      instead('by_at', 'index by_at on words (at, a)'),
      'index',
      'by_at',
      'btree (at desc, a)',
      'btree (at, a)',
    ],
    [
      instead('by_at', 'index by_at on words (at desc nulls last, a)'),
      'index',
      'by_at',
      'btree (at desc, a)',
      'btree (at desc nulls last, a)',
    ],
    [
      instead('by_at', 'index by_at on words (at desc, a) include (note)'),
      'index',
      'by_at',
      'btree (at desc, a)',
      'btree (at desc, a) include (note)',
    ],
    [
      instead(
        'by_word',
        `index by_word on words (lower(word), note collate "C") include (a) where at is not null`,
      ),
      'index',
      'by_word',
      byWord,
      'btree (lower((word)::text), note collate C) include (a) where (at IS NOT NULL)',
    ],
    [
      instead(
        'by_word',
        `index by_word on words (lower(word) text_pattern_ops, note) include (a) where at is not null`,
      ),
      'index',
      'by_word',
      byWord,
      'btree (lower((word)::text) text_pattern_ops, note) include (a) where (at IS NOT NULL)',
    ],
    [
      instead('in_data', 'index in_data on words using gin (data jsonb_path_ops)'),
      'index',
      'in_data',
      'gin (data)',
      'gin (data jsonb_path_ops)',
    ],
    [
      instead('only_once', 'unique index only_once on words (a, b desc)'),
      'index',
      'only_once',
      'unique btree (a, b)',
      'unique btree (a, b desc)',
    ],
    [
      `update pg_index set indisvalid = false where indexrelid = 'only_once'::regclass`,
      'index',
      'only_once',
      'unique btree (a, b)',
      'unique btree (a, b), not valid',
    ],
    [
      'alter table words drop constraint by_note, add constraint by_note unique (note) include (a, b)',
      'included columns',
      'by_note',
      '(a)',
      '(a, b)',
    ],
    [
      `alter table words drop constraint of_parent, add constraint of_parent foreign key (a, b) references parents on delete ${since(15, 'set null (b)', 'cascade')}`,
      'foreign key action',
      'of_parent',
      'on update no action, on delete set null',
      `on update no action, on delete ${since(15, 'set null (b)', 'cascade')}`,
    ],
    [
      'alter table words drop constraint of_parent, add constraint of_parent foreign key (a, b) references parents match full on delete set null',
      'match',
      'of_parent',
      'match simple',
      'match full',
    ],
    [
      'alter table words drop constraint of_parent, add constraint of_parent foreign key (a, b) references parents on delete set null not valid',
      'validity',
      'of_parent',
      'valid',
      'not valid',
    ],
  ])('%s', async (change, ...told) => {
    expect(await after(change)).toEqual([told])
  })

  test('a generated column that is computed as it is read', async () => {
    const change = `alter table words drop twice; alter table words add twice int generated always as ${since(18, '(a * 2) virtual', '(a * 3) stored')}`
    const found = since(18, ['(a * 2) stored', '(a * 2) virtual'], ['(a * 2)', '(a * 3)'])
    expect(await after(change)).toEqual([['generated', null, ...found]])
  })

  test('values of an enum with a comma are not two', async () => {
    const enums = (values: string[]) => ({
      tables: [],
      enums: [{ schema: 's', name: 'e', values, comment: null }],
    })
    expect(drift(enums(['a', 'b']), enums(['a, b']))).toHaveLength(1)
  })
})

const words = (index: (table: any) => t.PgTableExtraConfigValue[]) =>
  tablesFrom.drizzle({
    words: t.pgTable(
      'words',
      {
        id: t.integer('id').primaryKey(),
        word: t.varchar('word', { length: 20 }),
        data: t.jsonb('data'),
        tags: t.text('tags').array(),
      },
      index,
    ),
  })
const TABLE =
  'drop table if exists words, parents; create table words (id int primary key, word varchar(20), data jsonb, tags text[])'

test.each<[statement: string, index: (table: any) => t.PgTableExtraConfigValue]>([
  ['(word)', ({ word }) => t.index('i').on(word)],
  ['(word desc nulls last)', ({ word }) => t.index('i').on(word.desc())],
  ['(word desc nulls first)', ({ word }) => t.index('i').on(word.desc().nullsFirst())],
  ['(word nulls first)', ({ word }) => t.index('i').on(word.nullsFirst())],
  ['(word varchar_pattern_ops)', ({ word }) => t.index('i').on(word.op('varchar_pattern_ops'))],
  ['using gin (data jsonb_path_ops)', ({ data }) => t.index('i').using('gin', data.op('jsonb_path_ops'))],
  ['(lower(word) desc)', ({ word }) => t.index('i').on(sql`lower(${word}) desc`)],
  ['(lower(word) text_pattern_ops)', ({ word }) => t.index('i').on(sql`lower(${word}) text_pattern_ops`)],
])('the index %s is what its Drizzle model says, and no other is', async (statement, index) => {
  const models = words(table => [index(table)])
  const of = (over: string) => `${TABLE}; create index i on words ${over}`
  expect(await after(of(statement), models)).toEqual([])
  const other = statement === '(word)' ? '(word desc)' : statement.replace(/ (desc|nulls|\w+_ops).*/, ')')
  expect((await after(of(other), models)).map(([kind, name]) => [kind, name])).toEqual([['index', 'i']])
})

test.each([true, false])(
  'the predicate of an index is what its model says, as a statement: %s',
  async isStatement => {
    const over = 'on words (word) where (id = 1 or id = 3) and tags is null'
    const other = 'on words (word) where id = 1 or id = 3 and tags is null'
    const [plain] = words(({ word, id, tags }) => [
      t
        .index('i')
        .on(word)
        .where(sql`(${id} = 1 or ${id} = 3) and ${tags} is null`),
    ]).tables
    const statement = { ...plain!.indexes[0]!, keys: [], definition: `create index if not exists i ${over};` }
    const models = { tables: [isStatement ? { ...plain!, indexes: [statement] } : plain!], enums: [] }
    expect(await after(`${TABLE}; create index i ${over}`, models)).toEqual([])
    const told = await after(`${TABLE}; create index i ${other}`, models)
    expect(told.map(([kind, name]) => [kind, name])).toEqual([['index', 'i']])
  },
)

test('the operator class of a type is what there is without one', async () => {
  const models = words(table => [
    t.index('i').on(table.word.op('text_ops'), table.id.op('int4_ops')),
    t.index('j').using('gin', table.data.op('jsonb_ops'), table.tags.op('array_ops')),
  ])
  const there = `${TABLE}; create index i on words (word, id); create index j on words using gin (data, tags)`
  expect(await after(there, models)).toEqual([])
})

test('an index of a Sequelize model has its order, collation and operator class', async () => {
  const sequelize = new Sequelize(database.url, { logging: false, define: { timestamps: false } })
  sequelize.define(
    'sorted',
    { id: { type: DataTypes.INTEGER, primaryKey: true }, word: DataTypes.TEXT, at: DataTypes.DATE },
    {
      freezeTableName: true,
      indexes: [
        {
          name: 'sorted_at',
          fields: [
            { name: 'at', order: 'DESC' },
            { name: 'id', order: 'ASC NULLS FIRST' as any },
          ],
        },
        { name: 'sorted_word', fields: [{ name: 'word', collate: 'C', operator: 'text_pattern_ops' }] },
        { name: 'sorted_like', fields: ['word'], operator: 'text_pattern_ops' },
        { name: 'sorted_once', fields: ['id', { name: 'at', order: 'DESC' }], unique: true },
        { name: 'sorted_low', fields: [sequelize.literal('lower("word") DESC')] },
      ],
    },
  )
  const models = tablesFrom.sequelize(sequelize)
  await sequelize.sync()
  await sequelize.close()
  await client.query('drop table words, parents')
  try {
    expect(await after('select 1', models)).toEqual([])
    const plainly = models.tables[0]!.indexes.map(
      ({ name, unique }) =>
        `drop index ${name}; create ${unique ? 'unique' : ''} index ${name} on sorted (${
          { sorted_at: 'at, id', sorted_once: 'id, at', sorted_low: 'lower(word)' }[name] ?? 'word'
        })`,
    )
    expect((await after(plainly.join('; '), models)).map(([kind, name]) => [kind, name]).sort()).toEqual([
      ['index', 'sorted_at'],
      ['index', 'sorted_like'],
      ['index', 'sorted_low'],
      ['index', 'sorted_once'],
      ['index', 'sorted_word'],
    ])
  } finally {
    await client.query('rollback; begin')
    await database.admin('drop table sorted')
  }
})
