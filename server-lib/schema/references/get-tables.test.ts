// A column in brackets is taken for a member of an enum.
/* oxlint-disable typescript/no-unsafe-enum-assignment */
import { inspect } from 'node:util'
import makeKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { reflect } from '../reflect/index.ts'
import type { Schema } from '../table.ts'
import { connect } from '../testing/connect.ts'
import { getTables } from './index.ts'

interface ShopTables {
  widgets: { id: number; name: string; parent: number | null }
  'shop.Order Lines': { 'Line Number': number; 'wi"dget': number; widgets: string }
  'shop.widgets': { id: number }
}

let database: TestDatabase
let knex: Knex
let schema: Schema
beforeAll(async () => {
  database = await createDatabase(`
    create schema shop;
    create table widgets (id int primary key, name text, parent int);
    create table shop.widgets (id int primary key);
    create table shop."Order Lines" ("Line Number" int primary key, "wi""dget" int, widgets text);
    create table odd (id int, "a.b" int, "sold as new" int, "why?" int, "then" int);
    insert into widgets values (1, 'one', null), (2, 'two', 1);
    insert into shop."Order Lines" values (10, 1, 'x'), (20, 2, 'y');
  `)
  knex = makeKnex({ client: 'pg', connection: database.url })
  await using connection = await connect(database.url)
  schema = await reflect(connection.client, { schemas: ['public', 'shop'] })
})
afterAll(async () => {
  await knex.destroy()
  await database.drop()
})

test('a column is a name that knex takes wherever it takes one', async () => {
  const tables = getTables<ShopTables>(schema)
  const widgets = tables.widgets
  const lines = tables['shop.Order Lines']
  expect([widgets.c.id, lines.c['Line Number'], widgets.keys.name]).toEqual([
    'widgets.id',
    'shop.Order Lines.Line Number',
    'name',
  ])
  const query = knex(lines.name)
    .join(widgets.name, widgets.c.id, '=', lines.c['wi"dget'])
    .select(lines.c['Line Number'], { called: widgets.c.name })
    .where(widgets.c.name, 'like', 't%')
    .whereIn(widgets.c.id, [1, 2])
    .andWhere({ [lines.c.widgets]: 'y' })
    .groupBy(lines.c['Line Number'], widgets.c.name)
    .orderBy(lines.c['Line Number'], 'desc')
  expect(query.toSQL().sql).toBe(
    'select "shop"."Order Lines"."Line Number", "widgets"."name" as "called" from "shop"."Order Lines"' +
      ' inner join "widgets" on "widgets"."id" = "shop"."Order Lines"."wi""dget"' +
      ' where "widgets"."name" like ? and "widgets"."id" in (?, ?) and "shop"."Order Lines"."widgets" = ?' +
      ' group by "shop"."Order Lines"."Line Number", "widgets"."name" order by "shop"."Order Lines"."Line Number" desc',
  )
  expect(await query).toEqual([{ 'Line Number': 20, called: 'two' }])
  expect(await knex(widgets.name).max(widgets.c.id).first()).toEqual({ max: 2 })
  expect(
    await knex
      .select(knex.raw('?? + 1 as next', [widgets.c.id]))
      .from(widgets.name)
      .orderBy(widgets.c.id),
  ).toEqual([{ next: 2 }, { next: 3 }])
})

test('what is written takes the bare name', async () => {
  const { widgets } = getTables<ShopTables>(schema)
  const trx = await knex.transaction()
  const [made] = await trx(widgets.name)
    .insert({ [widgets.keys.id]: 3, [widgets.keys.name]: 'three' })
    .onConflict(widgets.keys.id)
    .merge([widgets.keys.name])
    .returning([widgets.keys.id, widgets.keys.name])
  expect(made).toEqual({ id: 3, name: 'three' })
  expect(
    await trx(widgets.name)
      .where(widgets.c.id, 3)
      .update({ [widgets.keys.name]: 'drei' }),
  ).toBe(1)
  await trx.rollback()
})

test('a table is joined with itself under another name', async () => {
  const child = getTables<ShopTables>(schema).widgets.as('child')
  const parent = getTables<ShopTables>(schema).widgets.as('the "parent')
  const rows = await knex(child.name)
    .leftJoin(parent.name, child.c.parent, parent.c.id)
    .select(child.c.id, { of: parent.c.name })
    .orderBy(child.c.id)
  expect(rows).toEqual([
    { id: 1, of: null },
    { id: 2, of: 'one' },
  ])
  expect(child.as('again').name).toBe('widgets as again')
})

test('two tables of one name are told apart by their schema, as the search path says', () => {
  expect(Object.keys(getTables(schema))).toEqual(['odd', 'widgets', 'shop.Order Lines', 'shop.widgets'])
  expect(Object.keys(getTables(schema, { searchPath: ['shop', 'public'] }))).toEqual([
    'Order Lines',
    'widgets',
    'odd',
    'public.widgets',
  ])
  expect(getTables(schema)['shop.widgets']!.c.id).toBe('shop.widgets.id')
  expect(getTables<ShopTables>(schema).widgets.description.primaryKey?.columns).toEqual(['id'])
})

test('what is not there is told with what is', () => {
  const tables = getTables(schema)
  expect(() => tables.wodgets).toThrow(
    expect.objectContaining({
      code: 'EL_UNKNOWN_TABLE',
      message: 'There is no table "wodgets"; there are odd, widgets, shop.Order Lines, shop.widgets.',
    }),
  )
  expect(() => tables.constructor!.name).toThrow()
  expect(() => tables.widgets!.c.nope).toThrow(
    expect.objectContaining({ code: 'EL_UNKNOWN_COLUMN', known: ['id', 'name', 'parent'] }),
  )
  expect(() => tables.widgets!.keys.nope).toThrow(/widgets has no column "nope"; it has id, name, parent/)
})

test('what is no schema is told, and most of all the promise of one', () => {
  expect(() => getTables(Promise.resolve(schema) as never)).toThrow(
    expect.objectContaining({
      code: 'EL_CONFIG',
      message: expect.stringContaining('await reflect(…) first'),
    }),
  )
  for (const wrong of [undefined, {}, knex]) {
    expect(() => getTables(wrong as never)).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
  }
})

test('a name that knex would misread is told as it is asked for, and the others go on', () => {
  const { odd } = getTables(schema)
  expect(odd!.c.id).toBe('odd.id')
  expect(odd!.c.then).toBe('odd.then')
  for (const name of ['a.b', 'sold as new', 'why?']) {
    expect(() => odd!.c[name]).toThrow(
      expect.objectContaining({ code: 'EL_CONFIG', message: expect.stringContaining(name) }),
    )
  }
  expect(() => odd!.as('a.b')).toThrow(/alias name "a.b"/)
})

test('the tables can be awaited, printed and turned into JSON, and not be changed', async () => {
  const tables = getTables<ShopTables>({
    ...schema,
    tables: schema.tables.filter(({ name }) => name !== 'odd'),
  })
  expect(await Promise.resolve(tables)).toBe(tables)
  expect(inspect(tables)).toContain('widgets')
  expect(inspect(tables.widgets.as('w').c)).toContain(`name: 'w.name'`)
  expect(JSON.parse(JSON.stringify(tables.widgets.c))).toEqual({
    id: 'widgets.id',
    name: 'widgets.name',
    parent: 'widgets.parent',
  })
  expect(() => Object.assign(tables.widgets.c, { id: 'x' })).toThrow(TypeError)
})
