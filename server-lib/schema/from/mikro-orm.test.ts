import { EntitySchema, MikroORM, raw } from '@mikro-orm/postgresql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { drift } from '../drift/index.ts'
import { expectSame, reflectedAt } from '../testing/same-as-models.ts'
import { tablesFrom } from './index.ts'

let database: TestDatabase
let orm: MikroORM
beforeAll(async () => {
  database = await createDatabase()
  orm = await MikroORM.init({
    clientUrl: database.url,
    dbName: database.name,
    entities: [Address, User, Group, Line, Animal, Dog],
  })
})
afterAll(async () => {
  await orm.close(true)
  await database.drop()
})

const Address = new EntitySchema<any>({
  name: 'Address',
  embeddable: true,
  properties: { street: { type: 'text' }, zip: { type: 'string', length: 10, nullable: true } },
})
const User = new EntitySchema<any>({
  name: 'User',
  comment: 'who uses it',
  indexes: [
    { name: 'lower_name', expression: 'create index if not exists lower_name on "user" (lower(name))' },
    {
      name: 'short_of_bosses',
      expression: 'create unique index short_of_bosses on "user" (name, small) where small <> 5',
    },
    {
      name: 'plainly_unique',
      expression: 'create unique index plainly_unique on "user" using btree (small, big)',
    },
    { properties: ['work.street'] },
    { properties: ['name', 'price'] },
    { properties: ['born'], name: 'born_hash', type: 'hash' },
  ],
  uniques: [{ properties: ['name', 'clock'] }, { properties: ['work.zip'] }],
  checks: [{ name: 'priced', expression: 'price >= 0 and small in (1, 2)' }],
  properties: {
    id: { type: 'number', primary: true },
    name: { type: 'string', length: 20, default: 'it' },
    email: { type: 'string', unique: true, nullable: true },
    small: { type: 'smallint', default: 3, columnType: 'smallint' },
    big: { type: 'bigint', default: 5 },
    price: { type: 'decimal', precision: 10, scale: 2, default: '0' },
    ratio: { type: 'double', nullable: true },
    isOpen: { type: 'boolean', default: true, comment: 'to all' },
    tags: { type: 'string[]', columnType: 'text[]', default: raw(`'{a,b}'`) as any },
    data: { type: 'json', default: JSON.stringify({ b: [1], a: true }) },
    key: { type: 'uuid', defaultRaw: 'gen_random_uuid()' },
    born: { type: 'date', nullable: true },
    at: { type: 'Date', columnType: 'timestamptz(3)', defaultRaw: 'now()' },
    seen: { type: 'Date', default: '2020-01-01T00:00:00.000Z' },
    clock: { type: 'time' },
    bytes: { type: 'blob', nullable: true },
    mood: { enum: true, items: ['sad', "that's it"], default: 'sad', type: 'string' },
    short: { enum: true, items: ['a', 'b'], default: 'a', type: 'string', columnType: 'varchar(10)' },
    level: { enum: true, items: [1, 2], type: 'number', default: 1 },
    state: { enum: true, items: ['on', 'off'], nativeEnumName: 'user_state', type: 'string', default: 'on' },
    total: { type: 'number', generated: '(small * 2) stored', columnType: 'int' },
    home: { kind: 'embedded', entity: 'Address', prefix: 'home_' },
    work: { kind: 'embedded', entity: 'Address', object: true, nullable: true },
    groups: { kind: 'm:n', entity: 'Group', pivotTable: 'memberships', owner: true },
    boss: { kind: 'm:1', entity: 'User', nullable: true },
    best: {
      kind: '1:1',
      entity: 'Group',
      owner: true,
      deleteRule: 'restrict',
      updateRule: 'no action',
      deferMode: 'deferred',
    },
  },
} as any)
const Group = new EntitySchema<any>({
  name: 'Group',
  schema: 'shop',
  tableName: 'Groups',
  properties: {
    id: { type: 'bigint', primary: true, columnType: 'bigint', generated: 'identity' },
    title: { type: 'text', unique: true },
    color: { enum: true, items: ['r', 'g'], nativeEnumName: 'color', type: 'string', nullable: true },
  },
} as any)
const Line = new EntitySchema<any>({
  name: 'OrderLine',
  properties: {
    group: { kind: 'm:1', entity: 'Group', primary: true },
    number: { type: 'number', primary: true },
    text: { type: 'text' },
  },
} as any)
const Animal = new EntitySchema<any>({
  name: 'Animal',
  discriminatorColumn: 'kind',
  discriminatorMap: { dog: 'Dog', animal: 'Animal' },
  properties: { id: { type: 'number', primary: true }, kind: { type: 'string' } },
} as any)
const Dog = new EntitySchema<any>({
  name: 'Dog',
  extends: 'Animal',
  properties: { barks: { type: 'boolean', nullable: true } },
} as any)

test('entities, with pivot tables, embeddables and enums, are what the schema generator makes of them', async () => {
  const models = tablesFrom.mikroOrm(orm)
  await orm.schema.createSchema()
  const reflected = await reflectedAt(database.url)
  expectSame(models, reflected)
  // An index that is a statement of its own is known only by its name.
  const without = (names: string[]) => ({
    ...reflected,
    tables: reflected.tables.map(table => ({
      ...table,
      indexes: table.indexes.filter(({ name }) => !names.includes(name)),
    })),
  })
  expect(
    drift(without(['lower_name', 'plainly_unique', 'user_work_street_index']), models).map(
      ({ kind, name }) => [kind, name],
    ),
  ).toEqual([
    ['missing index', 'lower_name'],
    ['missing index', 'plainly_unique'],
    ['missing index', 'user_work_street_index'],
  ])
})

test('what has no schema generator is told', () => {
  expect(() => tablesFrom.mikroOrm({} as any)).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', option: 'orm' }),
  )
})
