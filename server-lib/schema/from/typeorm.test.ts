import 'reflect-metadata'
import {
  ChildEntity,
  Column,
  DataSource,
  DefaultNamingStrategy,
  Entity,
  EntitySchema,
  PrimaryGeneratedColumn,
  TableInheritance,
  type DataSourceOptions,
} from 'typeorm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { drift } from '../drift/index.ts'
import type { ModelSchema, Schema } from '../table.ts'
import { expectSame, reflectedAt } from '../testing/same-as-models.ts'
import { tablesFrom } from './index.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())
beforeEach(() =>
  database.admin(`drop schema if exists public, shop cascade; create schema public; create schema shop`),
)

/** Lets TypeORM create the schema, and reads it from the models and from the database. */
async function both(
  options: Partial<DataSourceOptions> & Pick<DataSourceOptions, 'entities'>,
): Promise<{ models: ModelSchema; reflected: Schema }> {
  const dataSource = new DataSource({
    type: 'postgres',
    url: database.url,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    ...options,
  } as DataSourceOptions)
  await dataSource.initialize()
  try {
    await dataSource.synchronize()
    const models = tablesFrom.typeorm(dataSource)
    return { models, reflected: await reflectedAt(database.url) }
  } finally {
    await dataSource.destroy()
  }
}

const Everything = new EntitySchema<any>({
  name: 'Everything',
  tableName: 'everything',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    small: { type: 'smallint', default: 3 },
    big: { type: 'bigint', default: '9007199254740993' },
    price: { type: 'decimal', precision: 10, scale: 2, default: 0 },
    ratio: { type: 'float', nullable: true },
    single: { type: 'real', nullable: true },
    name: { type: String, length: 20, default: "it''s" },
    code: { type: 'char', length: 3, collation: 'C', default: 'a' },
    note: { type: 'text', nullable: true, comment: 'what else' },
    isOpen: { type: Boolean, default: true, name: 'is_open' },
    tags: { type: 'text', array: true, default: ['a', 'b'] },
    numbers: { type: 'int', array: true, default: () => `'{}'` },
    data: { type: 'jsonb', default: { b: 1, a: [true] } },
    key: { type: 'uuid', generated: 'uuid' },
    born: { type: 'date', nullable: true },
    at: { type: 'timestamptz', precision: 3, default: () => 'CURRENT_TIMESTAMP(3)' },
    plainAt: { type: 'timestamp', default: () => 'now()' },
    clock: { type: 'time', default: '10:30' },
    createdAt: { type: 'timestamptz', createDate: true },
    length: { type: 'interval', nullable: true },
    bytes: { type: 'bytea', nullable: true },
    bits: { type: 'varbit', nullable: true },
    list: { type: 'simple-array', nullable: true },
    json: { type: 'simple-json', nullable: true },
    mood: { type: 'enum', enum: ['sad', 'so so', "that's it"], default: 'so so' },
    moods: { type: 'enum', enum: ['x', 'y'], array: true, enumName: 'moods', nullable: true },
    total: { type: 'int', asExpression: 'small * 2', generatedType: 'STORED' },
    period: { type: 'int4range', nullable: true },
    address: { type: 'inet', nullable: true },
  },
  uniques: [{ columns: ['name', 'code'] }],
  indices: [
    { columns: ['price'] },
    { columns: ['born'], where: '"born" is not null and small in (1, 2)', name: 'born_index' },
    { columns: ['key'], unique: true },
  ],
  checks: [
    { expression: 'price >= 0 and small between 1 and 10' },
    { expression: `name <> '' or code in ('a', 'b')`, name: 'named' },
  ],
  exclusions: [{ expression: 'USING gist (period WITH &&)' }],
})

test("a table of every kind of column is, from TypeORM's entities, what TypeORM makes of them", async () => {
  const { models, reflected } = await both({ entities: [Everything] })
  expectSame(models, reflected)
  const types = (schema: Schema) =>
    Object.fromEntries(schema.tables[0]!.columns.map(({ name, type }) => [name, type]))
  expect(types(models)).toMatchObject({
    name: 'character varying(20)',
    tags: 'text[]',
    at: 'timestamp(3) with time zone',
    mood: 'everything_mood_enum',
    moods: 'moods[]',
  })
})

const Person = new EntitySchema<any>({
  name: 'Person',
  schema: 'shop',
  columns: {
    country: { type: 'char', length: 2, primary: true, primaryKeyConstraintName: 'person_key' },
    number: { type: 'int', primary: true, primaryKeyConstraintName: 'person_key' },
    kind: { type: 'varchar', nullable: true },
  },
  embeddeds: {
    home: {
      prefix: 'home_',
      schema: new EntitySchema<any>({
        name: 'Address',
        columns: { street: { type: 'text' }, zip: { type: 'varchar', length: 10, nullable: true } },
      }),
    },
  },
  relations: {
    boss: {
      type: 'many-to-one',
      target: 'Person',
      joinColumn: [
        { name: 'boss_country', referencedColumnName: 'country' },
        { name: 'boss_number', referencedColumnName: 'number' },
      ],
      onDelete: 'SET NULL',
      nullable: true,
    },
    groups: { type: 'many-to-many', target: 'Group', joinTable: true },
    friends: { type: 'many-to-many', target: 'Person', joinTable: { name: 'friends', schema: 'shop' } },
    card: {
      type: 'one-to-one',
      target: 'Group',
      joinColumn: true,
      onUpdate: 'CASCADE',
      deferrable: 'INITIALLY DEFERRED',
    },
  },
})

const Group = new EntitySchema<any>({
  name: 'Group',
  tableName: 'Groups of People',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'identity' as any },
    always: { type: 'int', generated: 'identity', generatedIdentity: 'ALWAYS' } as any,
    camelCase: { type: 'varchar', unique: true },
  },
})

class Animal {}
class Dog extends Animal {}
class Bird extends Animal {}
// Decorators, called as functions: single-table inheritance has no schema of its own that works.
PrimaryGeneratedColumn('uuid')(Animal.prototype, 'id')
Column({ type: 'int' })(Animal.prototype, 'legs')
Column({ type: 'boolean' })(Dog.prototype, 'barks')
Column({ type: 'text', unique: true })(Bird.prototype, 'song')
Entity({ comment: 'of all kinds' })(Animal)
TableInheritance({ column: { name: 'kind', type: 'varchar' } })(Animal)
ChildEntity()(Dog)
ChildEntity()(Bird)

const Category = new EntitySchema<any>({
  name: 'Category',
  columns: { id: { type: 'int', primary: true, generated: true }, name: { type: 'varchar' } },
  trees: [{ type: 'closure-table' }],
  relations: {
    parent: { type: 'many-to-one', target: 'Category', treeParent: true, inverseSide: 'children' },
    children: {
      type: 'one-to-many',
      target: 'Category',
      treeChildren: true,
      inverseSide: 'parent',
      cascade: true,
    },
  },
})
const Sold = new EntitySchema<any>({
  name: 'Sold',
  type: 'view',
  expression: `select id, name as "theName", 1 + 1 as two from category`,
  columns: { id: { type: 'int' }, theName: { type: 'varchar' }, two: {} as any },
} as any)

test('join tables, closure tables, inheritance, embedded columns, views, keys of two columns and other schemas are all there', async () => {
  const { models, reflected } = await both({ entities: [Person, Group, Animal, Dog, Bird, Category, Sold] })
  expect(drift(reflected, models)).toEqual([])
  expect(models.tables.map(({ schema, name, kind }) => `${schema}.${name} ${kind}`)).toEqual(
    reflected.tables
      .filter(({ name }) => name !== 'typeorm_metadata')
      .map(({ schema, name, kind }) => `${schema}.${name} ${kind}`),
  )
  expect(models.unknownTypes).toEqual([{ schema: 'public', table: 'sold', column: 'two', type: 'unknown' }])
  const nullable = (of: Schema) =>
    of.tables.find(table => table.name === 'sold')!.columns.map(column => column.nullable)
  expect(nullable(models)).toEqual(nullable(reflected))
  const person = models.tables.find(table => table.name === 'person')!
  expect(person.primaryKey).toEqual({ name: 'person_key', columns: ['country', 'number'] })
  expect(person.foreignKeys.find(key => key.columns.length === 2)).toMatchObject({
    columns: ['boss_country', 'boss_number'],
    references: { schema: 'shop', table: 'person', columns: ['country', 'number'] },
    onDelete: 'set null',
  })
})

test('names are those of the naming strategy, and tables without a schema are where the DataSource says', async () => {
  class Shouting extends DefaultNamingStrategy {
    override tableName(target: string, given: string | undefined): string {
      return (given ?? target).toUpperCase()
    }
    override columnName(property: string): string {
      return `c_${property}`
    }
    override primaryKeyName(table: { name: string } | string): string {
      return `${typeof table === 'string' ? table : table.name}:key`
    }
  }
  const { models, reflected } = await both({
    entities: [Category],
    namingStrategy: new Shouting(),
    schema: 'shop',
  } as any)
  expect(drift(reflected, models)).toEqual([])
  expect(models.tables.map(({ schema, name, primaryKey }) => [schema, name, primaryKey?.name])).toEqual([
    ['shop', 'CATEGORY', 'CATEGORY:key'],
    ['shop', 'CATEGORY_closure', 'CATEGORY_closure:key'],
  ])
})

test('nothing is sent to the database, and a DataSource that has not read its entities is told', async () => {
  const statements: string[] = []
  const dataSource = new DataSource({
    type: 'postgres',
    url: database.url,
    entities: [Group],
    logger: {
      logQuery: (text: string) => void statements.push(text),
      log() {},
      logMigration() {},
      logQueryError() {},
      logQuerySlow() {},
      logSchemaBuild() {},
    },
    logging: true,
  } as DataSourceOptions)
  expect(() => tablesFrom.typeorm(dataSource)).toThrow(
    expect.objectContaining({
      code: 'EL_CONFIG',
      message: expect.stringContaining('await dataSource.initialize()'),
    }),
  )
  await dataSource.initialize()
  const before = statements.length
  tablesFrom.typeorm(dataSource)
  await dataSource.query('select 1')
  expect(statements.slice(before)).toEqual(['select 1'])
  await dataSource.destroy()
})
