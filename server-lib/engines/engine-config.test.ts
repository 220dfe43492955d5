import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine, type EngineConfig } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
beforeAll(
  async () => void (database = await createDatabase('create table t (id serial primary key, name text)')),
)
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

const bad = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'EnginelightError', code, ...fields })
const one =
  (config: unknown, name = 'main') =>
  () =>
    createEngines({ [name]: engine()(config as EngineConfig) })

describe('a config that is wrong is refused before anything is opened', () => {
  const url = 'postgres://u:hunter2@127.0.0.1:1/x'
  test.each<[string, () => unknown, string, RegExp]>([
    ['nothing', () => createEngines({}), 'EL_CONFIG', /at least one engine/],
    ['not made by engine()', () => createEngines({ a: {} as never }), 'EL_CONFIG', /engine<Tables>\(\)/],
    [
      'no source',
      one({}),
      'EL_CONFIG',
      /exactly one of connection, knex, pool \(a pg.Pool\) or borrowed; it has none/,
    ],
    ['two sources', one({ connection: url, knex: {} }), 'EL_CONFIG', /connection and knex/],
    [
      'an unknown option',
      one({ connection: url, acess: 'read' }),
      'EL_CONFIG',
      /there is no option acess; there are .*access/,
    ],
    [
      'a wrong word',
      one({ connection: url, access: 'ro' }),
      'EL_CONFIG',
      /access must be 'read' or 'write', not a text/,
    ],
    ['a wrong type', one({ connection: url, default: 'yes' }), 'EL_CONFIG', /default must be true or false/],
    [
      'a duration in words',
      one({ connection: url, checkoutTimeoutMs: '5s' }),
      'EL_CONFIG',
      /checkoutTimeoutMs must be a whole number of milliseconds/,
    ],
    [
      'a duration of 0',
      one({ connection: url, statementTimeoutMs: 0 }),
      'EL_CONFIG',
      /from 1 to 2147483647, not 0/,
    ],
    [
      'a pool smaller than its minimum',
      one({ connection: url, pool: { min: 5, max: 2 } }),
      'EL_CONFIG',
      /pool.min must be a whole number from 0 to max \(2\)/,
    ],
    ['a pool of no connection', one({ connection: url, pool: { max: 0 } }), 'EL_CONFIG', /pool.max/],
    [
      'a connection that is a number',
      one({ connection: 5432 }),
      'EL_CONFIG',
      /connection must be a URL or an object, not 5432/,
    ],
    ['an empty connection', one({ connection: '' }), 'EL_CONFIG', /connection is an empty text/],
    [
      'another database',
      one({ connection: 'mysql://u:hunter2@h/x' }),
      'EL_UNSUPPORTED_CLIENT',
      /PostgreSQL is supported, mysql is not yet/,
    ],
    [
      'another knex client',
      one({ knex: { client: 'mysql2', connection: url } }),
      'EL_UNSUPPORTED_CLIENT',
      /knex client mysql2 is not yet/,
    ],
    [
      'a knex without a pool',
      () => one({ knex: knexFactory({ client: 'pg' }) })(),
      'EL_CONFIG',
      /has no pool/,
    ],
    [
      'a factory of something else',
      one({ pool: () => ({}) }),
      'EL_CONFIG',
      /the function given as pool made an object/,
    ],
    [
      'transactional autocommit',
      one({ connection: url, transactional: true, mode: 'autocommit' }),
      'EL_CONFIG',
      /transactional cannot go with mode 'autocommit'/,
    ],
    [
      'transactional independent',
      one({ connection: url, transactional: true, enlist: 'independent' }),
      'EL_CONFIG',
      /transactional cannot go with enlist 'independent'/,
    ],
    ['a reserved name', one({ connection: url }, '!all'), 'EL_RESERVED_NAME', /"!all"/],
    ['the other reserved name', one({ connection: url }, '!default'), 'EL_RESERVED_NAME', /"!default"/],
    ['a name that a container uses', one({ connection: url }, 'status'), 'EL_RESERVED_NAME', /"status"/],
    ['a name with a space', one({ connection: url }, 'a b'), 'EL_CONFIG', /is no name for an engine/],
    [
      'two defaults',
      () =>
        createEngines({
          a: engine()({ connection: url, default: true }),
          b: engine()({ connection: url, default: true }),
        }),
      'EL_DUPLICATE_ENGINE',
      /a and b both/,
    ],
    [
      'names that differ in case',
      () => createEngines({ main: engine()({ connection: url }), Main: engine()({ connection: url }) }),
      'EL_DUPLICATE_ENGINE',
      /"main" and "Main"/,
    ],
    [
      'an unknown preference',
      () => createEngines({ a: engine()({ connection: url }) }, { prefer: ['b' as never] }),
      'EL_UNKNOWN_ENGINE',
      /no engine "b"; there are a/,
    ],
    [
      'an independent preference',
      () =>
        createEngines(
          { a: engine()({ connection: url }), l: engine()({ connection: url, enlist: 'independent' }) },
          { prefer: ['l'] },
        ),
      'EL_CONFIG',
      /is independent/,
    ],
  ])('%s', (_title, make, code, sentence) => {
    expect(make).toThrow(bad(code, { message: expect.stringMatching(sentence) }))
    try {
      make()
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain('hunter2')
    }
  })

  test('two engines on one pool', async () => {
    await using pool = ending(new pg.Pool({ connectionString: database.url }))
    await using engines = createEngines({ a: engine()({ pool }) })
    expect(() => createEngines({ b: engine()({ pool }) })).toThrow(bad('EL_CONFIG'))
    await engines.close()
    await using _again = createEngines({ b: engine()({ pool }) })
  })

  test('when the second engine is refused the first watches nothing any more', async () => {
    await using pool = ending(new pg.Pool({ connectionString: database.url }))
    const before = Object.getOwnPropertyNames(pool)
    expect(() =>
      createEngines({ a: engine()({ pool }), b: engine()({ pool: () => ({}) as never }) }),
    ).toThrow(bad('EL_CONFIG'))
    await new Promise(resolve => setImmediate(resolve))
    expect(Object.getOwnPropertyNames(pool)).toEqual(before)
  })
})
