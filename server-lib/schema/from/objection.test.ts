import makeKnex, { type Knex } from 'knex'
import { Model, snakeCaseMappers } from 'objection'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { drift } from '../drift/index.ts'
import type { Schema } from '../table.ts'
import { reflectedAt } from '../testing/same-as-models.ts'
import { tablesFrom } from './index.ts'

class Person extends Model {
  static override tableName = 'persons'
  static override columnNameMappers = snakeCaseMappers()
  static override jsonSchema = {
    type: 'object',
    required: ['firstName', 'isTall', 'key'],
    properties: {
      id: { type: 'integer' },
      firstName: { type: 'string', maxLength: 20 },
      note: { type: ['string', 'null'] },
      isTall: { type: 'boolean' },
      height: { type: 'number' },
      address: { type: 'object', properties: { street: { type: 'string' } } },
      tags: { type: 'array', items: { type: 'string' } },
      key: { type: 'string', format: 'uuid' },
      bornAt: { anyOf: [{ type: 'null' }, { type: 'string', format: 'date-time' }] },
      bossId: { type: ['integer', 'null'] },
    },
  } as any
  static override get relationMappings() {
    return {
      boss: {
        relation: Model.BelongsToOneRelation,
        modelClass: Person,
        join: { from: 'persons.boss_id', to: 'persons.id' },
      },
      pets: {
        relation: Model.HasManyRelation,
        modelClass: Animal,
        join: { from: 'persons.id', to: 'shop.animals.owner_id' },
      },
      movies: {
        relation: Model.ManyToManyRelation,
        modelClass: Movie,
        join: {
          from: 'persons.id',
          through: { from: 'persons_movies.person_id', to: 'persons_movies.movie_id', extra: ['part'] },
          to: 'movies.id',
        },
      },
    }
  }
}
class Animal extends Model {
  static override tableName = 'shop.animals'
  static override jsonSchema = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' } },
  } as any
}
class Movie extends Model {
  static override tableName = 'movies'
}

let database: TestDatabase
let knex: Knex
let reflected: Schema
beforeAll(async () => {
  database = await createDatabase()
  knex = makeKnex({ client: 'pg', connection: database.url })
  await knex.schema
    .createSchema('shop')
    .createTable('persons', table => {
      table.increments('id')
      table.string('first_name', 20).notNullable()
      table.text('note')
      table.boolean('is_tall').notNullable().defaultTo(false)
      table.decimal('height')
      table.jsonb('address')
      table.specificType('tags', 'text[]')
      table.uuid('key').notNullable().index()
      table.timestamp('born_at')
      table.integer('boss_id').references('persons.id').onDelete('cascade')
    })
    .createTable('movies', table => void table.increments('id'))
  await knex.schema.withSchema('shop').createTable('animals', table => {
    table.increments('id')
    table.text('name').notNullable().unique()
    table.integer('owner_id').references('id').inTable('public.persons')
  })
  await knex.schema.createTable('persons_movies', table => {
    table.integer('person_id').references('persons.id')
    table.integer('movie_id').references('movies.id')
    table.text('part')
  })
  reflected = await reflectedAt(database.url)
})
afterAll(async () => {
  await knex.destroy()
  await database.drop()
})

test('model classes, with the join tables of their relations, agree with the tables that knex made for them', () => {
  const models = tablesFrom.objection([Person, Animal, Movie])
  expect(drift(reflected, models)).toEqual([])
  expect(models.tables.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
    'public.movies',
    'public.persons',
    'public.persons_movies',
    'shop.animals',
  ])
  const [, persons, join, animals] = models.tables
  expect(
    Object.fromEntries(
      persons!.columns.map(({ name, type, nullable }) => [name, nullable ? `${type}?` : type]),
    ),
  ).toEqual({
    id: 'integer',
    first_name: 'character varying(20)',
    note: 'text?',
    is_tall: 'boolean',
    height: 'double precision?',
    address: 'jsonb?',
    tags: 'jsonb?',
    key: 'uuid',
    born_at: 'timestamp with time zone?',
    boss_id: 'integer?',
  })
  expect(join!.foreignKeys.map(({ columns, references }) => [columns, references.table])).toEqual([
    [['person_id'], 'persons'],
    [['movie_id'], 'movies'],
  ])
  expect(animals!.columns.map(({ name }) => name)).toEqual(['name', 'id', 'owner_id'])
  expect(models.unknownTypes).toEqual([
    { schema: 'public', table: 'persons_movies', column: 'part', type: 'unknown' },
  ])
})

test('of a type it is known whether it is a number, a boolean, a document or a text', async () => {
  class Wrong extends Model {
    static override tableName = 'movies'
    static override jsonSchema = {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string' } },
    } as any
  }
  expect(drift(reflected, tablesFrom.objection({ Wrong, Person, Animal })).map(({ words }) => words)).toEqual(
    [
      'The type of public.movies.id is text in the models and integer in the database.',
      // A column without a type of its own gets the type of the column that it refers to.
      'The type of public.persons_movies.movie_id is text in the models and integer in the database.',
    ],
  )
  expect(() => tablesFrom.objection([])).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
  expect(() => tablesFrom.objection([{} as any])).toThrow(/needs model classes/)
})
