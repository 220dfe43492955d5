import makeKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { connect } from '../testing/connect.ts'
import { reflect } from '../reflect/index.ts'
import { defineTable, type RunsBuilders } from './index.ts'

interface Widget {
  id: number
  id_alternate: number
  position: number
  name: string
  nickname: string
}

const widgets = defineTable<Widget>({
  name: 'widgets',
  primaryKey: 'id',
  columns: ['id', 'id_alternate', 'position', 'name', 'nickname'],
})
const lines = defineTable<{ order: number; line: string; note: string | null }>({
  name: 'Lines of "orders',
  schema: 'shop',
  primaryKey: ['order', 'line'],
  columns: ['order', 'line', 'note'],
})

let database: TestDatabase
let knex: Knex
beforeAll(async () => {
  database = await createDatabase(`
    create table widgets (id int primary key, id_alternate int, position int, name varchar(20), nickname text);
    insert into widgets values (1, 11, 1, 'AAAAA', 'AAAAA'), (2, 12, 2, 'aaaaa', 'aaaaa'), (3, 13, 3, 'BBBBB', 'Dbbbb'), (4, 14, 4, 'ccccc', 'cDDDD');
    create schema shop;
    create table shop."Lines of ""orders" ("order" int, line text, note text, primary key ("order", line));
    insert into shop."Lines of ""orders" values (1, 'a', '100%'), (1, 'b', '100 %'), (2, 'a', '50_1'), (2, 'b', '5011'), (10, 'c', null), (9, 'back\\slash', 'x''y');
    -- Lies behind the others now, as any row may that was updated.
    update shop."Lines of ""orders" set note = note where "order" = 1 and line = 'a';
  `)
  knex = makeKnex({ client: 'pg', connection: database.url, pool: { max: 3 } })
})
afterAll(async () => {
  await knex.destroy()
  await database.drop()
})

const ids = (rows: readonly Widget[]) => rows.map(({ id }) => id)

describe('what the finders find among the rows of their ancestor', () => {
  test.each<[string, (on: RunsBuilders) => Promise<unknown>, unknown]>([
    ['getById', async on => (await widgets.getById(on, 1))?.name, 'AAAAA'],
    ['getById of no row', on => widgets.getById(on, 5), undefined],
    [
      'getById by another column',
      async on => (await widgets.getById(on, 13, { idColumn: 'id_alternate' }))?.id,
      3,
    ],
    ['getByIds', async on => ids(await widgets.getByIds(on, [4, 1])), [1, 4]],
    [
      'getByIds, one of them missing and one twice',
      async on => ids(await widgets.getByIds(on, [3, 99, 2, 3])),
      [2, 3],
    ],
    [
      'getByIds by another column',
      async on => ids(await widgets.getByIds(on, [12, 11], { idColumn: 'id_alternate' })),
      [1, 2],
    ],
    ['getByIds of none', on => widgets.getByIds(on, []), []],
    [
      'getByColumnLower, whatever the case',
      async on => (await widgets.getByColumnLower(on, 'name', 'bBBbb'))?.id,
      3,
    ],
    ['getByColumnLower of no row', on => widgets.getByColumnLower(on, 'name', 'nope'), undefined],
    [
      'getByColumnLower of no row, many allowed',
      on => widgets.getByColumnLower(on, 'name', 'nope', { allowMany: true }),
      [],
    ],
    [
      'getByColumnLower, many allowed',
      async on => ids(await widgets.getByColumnLower(on, 'name', 'aaaaa', { allowMany: true })),
      [1, 2],
    ],
    [
      'getByColumnLower, the second of many',
      async on =>
        ids(await widgets.getByColumnLower(on, 'name', 'AAAAA', { allowMany: true, offset: 1, limit: 1 })),
      [2],
    ],
    [
      'getByColumnLower of a number',
      async on => (await widgets.getByColumnLower(on, 'id_alternate', '14'))?.id,
      4,
    ],
    [
      'getByColumnSimilar, by prefix',
      async on => ids(await widgets.getByColumnSimilar(on, 'nickname', 'd')),
      [3],
    ],
    [
      'getByColumnSimilar, anywhere',
      async on => ids(await widgets.getByColumnSimilar(on, 'nickname', 'D', { prefixOnly: false })),
      [3, 4],
    ],
    [
      'getByColumnSimilar, in the order of the column',
      async on => ids(await widgets.getByColumnSimilar(on, 'name', 'aa')),
      [1, 2],
    ],
    [
      'getByColumnSimilar, a page',
      async on => ids(await widgets.getByColumnSimilar(on, 'name', '', { offset: 1, limit: 2 })),
      [3, 2],
    ],
    [
      'getByColumnExactThenIlike, the exact one',
      async on => (await widgets.getByColumnExactThenIlike(on, 'name', 'aaaaa'))?.id,
      2,
    ],
    [
      'getByColumnExactThenIlike, another case',
      async on => (await widgets.getByColumnExactThenIlike(on, 'name', 'BbBbB'))?.id,
      3,
    ],
    [
      'getByColumnExactThenIlike, the first of two',
      async on => (await widgets.getByColumnExactThenIlike(on, 'name', 'aAaAa'))?.id,
      1,
    ],
    [
      'getByColumnExactThenIlike is no pattern',
      on => widgets.getByColumnExactThenIlike(on, 'name', 'a%'),
      undefined,
    ],
    [
      'getByColumnExactThenIlike of a number',
      async on => (await widgets.getByColumnExactThenIlike(on, 'position', '3'))?.id,
      3,
    ],
    ['getRange', async on => ids(await widgets.getRange(on)), [1, 2, 3, 4]],
    ['getRange with a limit', async on => ids(await widgets.getRange(on, { limit: 2 })), [1, 2]],
    ['getRange with a limit of 0', async on => ids(await widgets.getRange(on, { limit: 0 })), []],
    [
      'getRange, descending',
      async on => ids(await widgets.getRange(on, { direction: 'desc' })),
      [4, 3, 2, 1],
    ],
    ['getRange from an offset', async on => ids(await widgets.getRange(on, { offset: 2 })), [3, 4]],
    [
      'getRange from an offset, descending',
      async on => ids(await widgets.getRange(on, { offset: 1, direction: 'desc' })),
      [3, 2, 1],
    ],
    ['getRange by a column', async on => ids(await widgets.getRange(on, { orderBy: 'name' })), [1, 3, 2, 4]],
    [
      'getRange by a column, whatever the case',
      async on => ids(await widgets.getRange(on, { orderBy: 'nickname', caseSensitive: false })),
      [1, 2, 4, 3],
    ],
    [
      'getRange by several',
      async on => ids(await widgets.getRange(on, { orderBy: ['nickname', 'id'], direction: 'desc' })),
      [4, 2, 3, 1],
    ],
    [
      'getRange with values',
      async on => ids(await widgets.getRange(on, { where: { name: ['AAAAA', 'ccccc'], position: 4 } })),
      [4],
    ],
    [
      'getRange with a function',
      async on => ids(await widgets.getRange(on, { where: query => void query.where('position', '>', 2) })),
      [3, 4],
    ],
  ])('%s', async (_, find, expected) => {
    expect(await find(knex)).toEqual(expected)
    const engines = createEngines({
      reader: engine<{ other: { id: number } }>()({ connection: database.url, access: 'read' }),
    })
    try {
      await engines.scope(async db => expect(await find(db.reader)).toEqual(expected))
    } finally {
      await engines.close()
    }
  })
})

test('a key of several columns is an object, names of any kind are quoted, and null is looked for as null', async () => {
  expect(lines.name).toBe('shop.Lines of "orders')
  expect(await lines.getById(knex, { order: 1, line: 'b' })).toEqual({ order: 1, line: 'b', note: '100 %' })
  expect(
    (
      await lines.getByIds(knex, [
        { order: 10, line: 'c' },
        { order: 2, line: 'a' },
      ])
    ).map(row => row.order),
  ).toEqual([2, 10])
  expect(await lines.getRange(knex, { where: { note: null } })).toEqual([
    { order: 10, line: 'c', note: null },
  ])
  // Numbers are sorted as numbers, whatever the case.
  expect(
    (await lines.getRange(knex, { orderBy: 'order', caseSensitive: false })).map(row => row.order),
  ).toEqual([1, 1, 2, 2, 9, 10])
})

test.each([
  ['100%', ['100%']],
  ['50_', ['50_1']],
  ["x'", ["x'y"]],
  ['_', []],
  ['%', []],
  ['\\', []],
])('%j is looked for as it is', async (seed, notes) => {
  expect((await lines.getByColumnSimilar(knex, 'note', seed)).map(row => row.note)).toEqual(notes)
})

test('a backslash is looked for as it is', async () => {
  const found = await lines.getByColumnSimilar(knex, 'line', 'k\\S', { prefixOnly: false })
  expect(found.map(row => row.order)).toEqual([9])
  expect((await lines.getByColumnExactThenIlike(knex, 'line', 'BACK\\slash'))?.order).toBe(9)
})

test('a finder asks once, and getByColumnExactThenIlike twice where nothing is exact', async () => {
  const sent: string[] = []
  const listen = ({ sql }: { sql: string }) => void sent.push(sql)
  knex.on('query', listen)
  await widgets.getByColumnLower(knex, 'name', 'BBBBB')
  await widgets.getByIds(knex, [])
  await widgets.getByColumnExactThenIlike(knex, 'name', 'BBBBB')
  await widgets.getByColumnExactThenIlike(knex, 'name', 'bbbbb')
  knex.off('query', listen)
  expect(sent.length).toBe(4)
})

test('lower(column) of an index is what getByColumnLower asks for', async () => {
  await database.admin(`create table many (id serial primary key, name varchar(40), title text);
    insert into many (name, title) select 'Name ' || n, 'Title ' || n from generate_series(1, 5000) n;
    create index on many (lower(name)); create index on many (lower(title)); create index on many (title); analyze many`)
  const many = defineTable<{ id: number; name: string; title: string }>({
    name: 'many',
    primaryKey: 'id',
    columns: ['id', 'name', 'title'],
  })
  const planOf = async (find: (on: RunsBuilders) => Promise<unknown>) => {
    const plans: string[] = []
    const explaining = Object.assign(
      (table: string) => {
        const builder = knex(table)
        builder.then = (async (resolve: any, reject: any) => {
          const { sql, bindings } = builder.toSQL().toNative()
          const client = await knex.client.acquireConnection()
          const { rows } = await client
            .query(`explain ${sql}`, bindings)
            .finally(() => knex.client.releaseConnection(client))
          plans.push(rows.map((row: any) => row['QUERY PLAN']).join('\n'))
          return Promise.resolve([]).then(resolve, reject)
        }) as never
        return builder
      },
      { raw: knex.raw },
    )
    await find(explaining as never)
    return plans.join('\n')
  }
  expect(await planOf(on => many.getByColumnLower(on, 'name', 'NAME 7'))).toMatch(
    /Index Scan using many_lower_idx on/,
  )
  expect(await planOf(on => many.getByColumnLower(on, 'title', 'TITLE 7'))).toMatch(
    /Index Scan using many_lower_idx1 on/,
  )
  expect(await planOf(on => many.getByColumnExactThenIlike(on, 'title', 'Title 7'))).toMatch(
    /Index Scan using many_title_idx on/,
  )
})

test('more rows than the one that is wanted are an error', async () => {
  await expect(widgets.getByColumnLower(knex, 'name', 'aaaaa')).rejects.toMatchObject({
    code: 'EL_MANY_ROWS',
    message: expect.not.stringContaining('aaaaa'),
  })
})

test.each<[string, (on: RunsBuilders) => Promise<unknown>, object]>([
  [
    'a list for getById',
    on => widgets.getById(on, [1] as never),
    { code: 'EL_CONFIG', message: 'getById of widgets was given a list. getByIds takes one.' },
  ],
  [
    'undefined for a key',
    on => widgets.getById(on, undefined as never),
    { code: 'EL_CONFIG', message: 'getById of widgets was given no value for id.' },
  ],
  ['null among keys', on => widgets.getByIds(on, [1, null as never]), { code: 'EL_CONFIG' }],
  [
    'one key for getByIds',
    on => widgets.getByIds(on, 1 as never),
    { code: 'EL_CONFIG', message: 'getByIds of widgets takes a list. getById takes one key.' },
  ],
  [
    'half of a key',
    on => lines.getById(on, { order: 1 }),
    { code: 'EL_CONFIG', message: /needs all of the primary key, { order, line }: line is missing/ },
  ],
  [
    'nothing to run on',
    () => widgets.getById(undefined as never, 1),
    { code: 'EL_CONFIG', option: 'on', message: /runs on a session or a knex/ },
  ],
  [
    'a client of pg to run on',
    () => widgets.getRange({ query() {} } as never),
    { code: 'EL_CONFIG', option: 'on' },
  ],
  [
    'a column where the options go',
    on => widgets.getById(on, 13, 'id_alternate' as never),
    { code: 'EL_CONFIG', message: 'getById of widgets takes its options as an object: { idColumn }.' },
  ],
  [
    'an option that there is not',
    on => widgets.getRange(on, { order: 'name' } as never),
    { code: 'EL_CONFIG', option: 'order', message: /has no option "order": its options are \{ orderBy, / },
  ],
  ['SQL for where', on => widgets.getRange(on, { where: 'id = 1' as never }), { option: 'where' }],
  ['null for where', on => widgets.getRange(on, { where: null as never }), { option: 'where' }],
  [
    'undefined in a list',
    on => widgets.getRange(on, { where: { id: [1, undefined as never] } }),
    { code: 'EL_CONFIG', option: 'where', message: /undefined for id/ },
  ],
  [
    'a number for a column',
    on => widgets.getRange(on, { orderBy: 5 as never }),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  ['a key that is no object', on => lines.getById(on, 1), { code: 'EL_CONFIG' }],
  [
    'an unknown column',
    on => widgets.getByColumnLower(on, 'nope' as never, 'x'),
    {
      code: 'EL_UNKNOWN_COLUMN',
      known: widgets.columns,
      message: 'widgets has no column "nope"; it has id, id_alternate, position, name, nickname.',
    },
  ],
  [
    'SQL for a column',
    on => widgets.getByColumnSimilar(on, 'id) or (true' as never, 'x'),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  [
    'a name of every object for a column',
    on => widgets.getByColumnExactThenIlike(on, 'constructor' as never, 'x'),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  [
    'an unknown idColumn',
    on => widgets.getById(on, 1, { idColumn: 'nope' as never }),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  [
    'an unknown order',
    on => widgets.getRange(on, { orderBy: ['id', 'name, id' as never] }),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  [
    'an unknown column in where',
    on => widgets.getRange(on, { where: { nope: 1 } as never }),
    { code: 'EL_UNKNOWN_COLUMN' },
  ],
  [
    'undefined in where',
    on => widgets.getRange(on, { where: { name: undefined as never } }),
    { code: 'EL_CONFIG' },
  ],
  [
    'a direction',
    on => widgets.getRange(on, { direction: 'up; drop table widgets' as never }),
    { code: 'EL_CONFIG', option: 'direction' },
  ],
  ['a negative offset', on => widgets.getRange(on, { offset: -1 }), { code: 'EL_CONFIG', option: 'offset' }],
  [
    'half a limit',
    on => widgets.getByColumnSimilar(on, 'name', 'a', { limit: 1.5 }),
    { code: 'EL_CONFIG', option: 'limit' },
  ],
  [
    'a limit that is a text',
    on => widgets.getRange(on, { limit: '1' as never }),
    { code: 'EL_CONFIG', option: 'limit' },
  ],
  [
    'a limit for one row',
    on => widgets.getByColumnLower(on, 'name', 'x', { limit: 1 } as never),
    { code: 'EL_CONFIG', option: 'allowMany' },
  ],
  [
    'a number to look for',
    on => widgets.getByColumnLower(on, 'name', 5 as never),
    { code: 'EL_CONFIG', option: 'search' },
  ],
])('%s is told before anything is sent', async (_, find, error) => {
  const untouched = Object.assign(() => expect.fail('a query was made'), {
    raw: () => expect.fail('a query was made'),
  })
  const { message, ...rest } = error as { message?: string | RegExp }
  const expected =
    message === undefined
      ? rest
      : { ...rest, message: typeof message === 'string' ? message : expect.stringMatching(message) }
  await expect(find(untouched)).rejects.toMatchObject(expected)
})

describe('columns of a row', () => {
  const row = { name: 'AAAAA', computed: 5, id: 1 } as Partial<Widget>
  test('that are loaded, in the order of the table', () => {
    expect(widgets.loadedColumnsAsDict(row)).toEqual({ id: 1, name: 'AAAAA' })
    expect(Object.keys(widgets.loadedColumnsAsDict(row))).toEqual(['id', 'name'])
    expect(widgets.loadedColumnsAsList(row)).toEqual(['id', 'name'])
    expect(widgets.loadedColumnsAsList(row, { withValues: true })).toEqual([
      ['id', 1],
      ['name', 'AAAAA'],
    ])
    expect(widgets.loadedColumnsAsDict({ name: null as never })).toEqual({ name: null })
  })
  test('that are not are read by the primary key, and what the row has is kept', async () => {
    expect(await widgets.columnsAsDict(knex, { ...row, name: 'changed' })).toEqual({
      id: 1,
      id_alternate: 11,
      position: 1,
      name: 'changed',
      nickname: 'AAAAA',
    })
    expect(await widgets.columnsAsDict(knex, { id: 99 })).toBeUndefined()
    await expect(widgets.columnsAsDict(knex, { name: 'x' })).rejects.toMatchObject({ code: 'EL_CONFIG' })
    const whole = (await widgets.getById(knex, 2))!
    const untouched = Object.assign(() => expect.fail('a query was made'), { raw: () => {} })
    expect(await widgets.columnsAsDict(untouched, whole)).toEqual(whole)
  })
})

test('a table may come from reflection; one that has no primary key is refused', async () => {
  await database.admin('create table keyless (a int)')
  await using connection = await connect(database.url)
  const { tables } = await reflect(connection.client, { schemas: ['public', 'shop'] })
  const of = (name: string) => tables.find(table => table.name === name)!
  expect((await defineTable<Widget>(of('widgets')).getById(knex, 3))?.name).toBe('BBBBB')
  const reflected = defineTable(of('Lines of "orders'))
  expect(reflected.primaryKey).toEqual(['order', 'line'])
  expect(await reflected.getByIds(knex, [{ order: 1, line: 'a' }])).toEqual([
    { order: 1, line: 'a', note: '100%' },
  ])
  expect(() => defineTable(of('keyless'))).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', option: 'primaryKey' }),
  )
})

test.each<[object, RegExp]>([
  [{}, /takes \{ name, primaryKey, columns \}/],
  [{ name: 't', columns: [], primaryKey: 'id' }, /takes \{ name, primaryKey, columns \}/],
  [{ name: 't', columns: ['a'], primaryKey: 'id' }, /"id" that is not among its columns/],
  [{ name: 't', columns: ['a', 'a'], primaryKey: 'a' }, /"a" twice/],
  [{ name: 't', columns: ['a'], primaryKey: [] }, /no primary key/],
  [{ name: 'a.b', columns: ['a'], primaryKey: 'a' }, /knex cannot be given the table name "a.b"/],
  [{ name: 't', columns: ['a as b'], primaryKey: 'a as b' }, /knex cannot be given the column name "a as b"/],
  [{ name: 't', columns: ['é'.repeat(32)], primaryKey: 'é'.repeat(32) }, /column name "é+" has 64 bytes/],
  [{ name: 't', columns: ['a?'], primaryKey: 'a?' }, /knex cannot be given the column name "a\?"/],
])('%j cannot be worked with', (definition, message) => {
  expect(() => defineTable(definition as never)).toThrow(
    expect.objectContaining({ code: 'EL_CONFIG', message: expect.stringMatching(message) }),
  )
})

test('where the order leaves rows open, the primary key decides', async () => {
  const orders = (rows: { order: number }[]) => rows.map(row => row.order)
  expect(orders(await lines.getRange(knex, { orderBy: 'line' }))).toEqual([1, 2, 1, 2, 9, 10])
  expect(orders(await lines.getRange(knex, { orderBy: 'line', direction: 'desc' }))).toEqual([
    10, 9, 2, 1, 2, 1,
  ])
  expect(orders(await lines.getByColumnSimilar(knex, 'line', 'a'))).toEqual([1, 2])
  expect(orders(await lines.getByColumnLower(knex, 'line', 'A', { allowMany: true }))).toEqual([1, 2])
  expect((await lines.getByColumnExactThenIlike(knex, 'line', 'a'))?.order).toBe(1)
  expect((await lines.getById(knex, 'a' as never, { idColumn: 'line' }))?.order).toBe(1)
})

test('a list is any of it, null too, and as long as it likes', async () => {
  const notes = async (note: (string | null)[]) =>
    (await lines.getRange(knex, { where: { note } })).map(row => row.order)
  expect(await notes(['5011', null])).toEqual([2, 10])
  expect(await notes([null])).toEqual([10])
  expect(await notes([])).toEqual([])
  const many = Array.from({ length: 70_000 }, (_, id) => id + 2)
  expect(ids(await widgets.getByIds(knex, many))).toEqual([2, 3, 4])
  expect(ids(await widgets.getRange(knex, { where: { id: many, name: 'BBBBB' } }))).toEqual([3])
  const pairs = Array.from({ length: 40_000 }, (_, order) => ({ order, line: 'a' }))
  expect((await lines.getByIds(knex, pairs)).map(row => row.order)).toEqual([1, 2])
})

test('what every object has is no value of a column that is called so', async () => {
  await database.admin(`create table "constructor" (id int, "constructor" int, "toString" text, primary key (id, "constructor"));
    insert into "constructor" values (1, 2, 'x')`)
  const odd = defineTable<any>({
    name: 'constructor',
    primaryKey: ['id', 'constructor'],
    columns: ['id', 'constructor', 'toString'],
  })
  const whole = { id: 1, constructor: 2, toString: 'x' }
  await expect(odd.getById(knex, { id: 1 })).rejects.toMatchObject({
    code: 'EL_CONFIG',
    message: expect.stringContaining('constructor is missing'),
  })
  expect(await odd.getById(knex, { id: 1, constructor: 2 })).toEqual(whole)
  expect(await odd.getById(knex, Object.assign(Object.create(null), { id: 1, constructor: 2 }))).toEqual(
    whole,
  )
  expect(await odd.columnsAsDict(knex, { id: 1, constructor: 2 })).toEqual(whole)
  await expect(odd.columnsAsDict(knex, { id: 1 })).rejects.toMatchObject({ code: 'EL_CONFIG' })
})

test('a domain over a text is sorted without case as the text is', async () => {
  await database.admin(`create domain word as text collate "C"; create domain amount as int;
    create table words (id int primary key, word word, amount amount);
    insert into words values (1, 'C', 10), (2, 'b', 9), (3, 'A', 1)`)
  const words = defineTable<{ id: number; word: string; amount: number }>({
    name: 'words',
    primaryKey: 'id',
    columns: ['id', 'word', 'amount'],
  })
  const by = async (orderBy: 'word' | 'amount', caseSensitive: boolean) =>
    (await words.getRange(knex, { orderBy, caseSensitive })).map(row => row[orderBy])
  expect(await by('word', false)).toEqual(['A', 'b', 'C'])
  expect(await by('word', true)).toEqual(['A', 'C', 'b'])
  expect(await by('amount', false)).toEqual([1, 9, 10])
})
