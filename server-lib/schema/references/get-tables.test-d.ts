import type { Knex } from 'knex'
import { expectTypeOf } from 'vitest'
import type { Db, EngineDefinition } from '../../index.ts'
import { defineTable, getTables, type Schema } from '../index.ts'

interface Widget {
  id: number
  name: string
  parent: number | null
}
interface ShopTables {
  widgets: Knex.CompositeTableType<Widget, Partial<Widget>, Partial<Widget>>
  'shop.lines': { number: number }
}

declare const schema: Schema
declare const knex: Knex
declare const db: Db<{ reader: EngineDefinition<ShopTables, { connection: string; access: 'read' }> }>

/** Never called: it only has to compile, and each line under `@ts-expect-error` must not. */
export async function typesOfReferences(): Promise<void> {
  const tables = getTables<ShopTables>(schema)
  expectTypeOf(tables.widgets.c.id).toEqualTypeOf<'widgets.id'>()
  expectTypeOf(tables['shop.lines'].c.number).toEqualTypeOf<'shop.lines.number'>()
  expectTypeOf(tables.widgets.as('w').name).toEqualTypeOf<'widgets as w'>()
  expectTypeOf(tables.widgets.as('w').c.parent).toEqualTypeOf<'w.parent'>()
  expectTypeOf(tables.widgets.keys.name).toEqualTypeOf<'name'>()
  // @ts-expect-error: no such table
  tables.wodgets
  // @ts-expect-error: no such column
  tables.widgets.c.nope
  // @ts-expect-error: nor here
  tables.widgets.keys.nope
  // Without types any table may be asked for, and is checked as it is.
  getTables(schema).anything

  await knex(tables.widgets.name).where(tables.widgets.c.id, 1).orderBy(tables.widgets.c.name)
  await db.reader('widgets').where(tables.widgets.c.id, 1).select(tables.widgets.c.name)
  await db
    .reader('widgets')
    .join(tables['shop.lines'].name, tables.widgets.c.id, tables['shop.lines'].c.number)

  const widgets = defineTable<ShopTables['widgets']>({
    name: 'widgets',
    primaryKey: 'id',
    columns: ['id', 'name', 'parent'],
  })
  expectTypeOf(await widgets.getById(db.reader, 1)).toEqualTypeOf<Widget | undefined>()
  expectTypeOf(await widgets.getByIds(knex, [1, 2])).toEqualTypeOf<Widget[]>()
  expectTypeOf(await widgets.getByColumnLower(knex, 'name', 'a')).toEqualTypeOf<Widget | undefined>()
  expectTypeOf(await widgets.getByColumnLower(knex, 'name', 'a', { allowMany: true })).toEqualTypeOf<
    Widget[]
  >()
  expectTypeOf(await widgets.getRange(db.reader, { where: { parent: null, id: [1, 2] } })).toEqualTypeOf<
    Widget[]
  >()
  // @ts-expect-error: no such column
  void widgets.getByColumnLower(knex, 'nope', 'a')
  // @ts-expect-error: a page goes with allowMany
  void widgets.getByColumnLower(knex, 'name', 'a', { limit: 1 })
  // @ts-expect-error: no such column to sort by
  void widgets.getRange(knex, { orderBy: 'nope' })
  // @ts-expect-error: a wrong type of value
  void widgets.getRange(knex, { where: { id: 'one' } })
  // @ts-expect-error: nothing to run on
  void widgets.getById({}, 1)
  // @ts-expect-error: no such column in the table
  defineTable<Widget>({ name: 'widgets', primaryKey: 'id', columns: ['id', 'nope'] })
}
