import { RecordBatchFileWriter, tableFromIPC, tableToIPC } from 'apache-arrow'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { cells, cellsOf, type Cell } from '../../testing/arrow-cells.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectQuiet } from '../../testing/ground-truth.ts'
import { ORACLES } from '../../testing/arrow-oracles.ts'
import { since } from '../../testing/postgres-major.ts'
import { toArrow, type ArrowOptions } from './index.ts'

let database: TestDatabase
const open = () => createEngines({ main: engine()({ connection: database.url, pool: { max: 2 } }) })
let engines: ReturnType<typeof open>
beforeAll(async () => {
  database = await createDatabase(`
    create type mood as enum ('sad', 'ok', 'happy é');
    create type pair as (a int, b text);
    create domain price as numeric(10, 2);
    create domain numbers as int[];
    create domain small_price as price check (value < 100);
    create domain feeling as mood not null;
    create domain feelings as mood[];
    create type span as range (subtype = float8);
    create domain wide_span as span;
  `)
  engines = open()
})
afterEach(() => expectQuiet(database))
afterAll(async () => {
  await engines.close()
  await database.drop()
})

const ask = (text: string, options?: ArrowOptions, values?: unknown[]) =>
  engines.scope(db => toArrow({ session: db.main, text, ...(values && { values }) }, options))

const failure = (text: string, options?: ArrowOptions) =>
  ask(text, options).then(
    () => {
      throw new Error('It did not fail.')
    },
    (error: unknown) => error as Error & { code: string },
  )

describe.each(ORACLES)('$type', ({ type, arrow, values, says }) => {
  const list = values.map(value => (value === null ? 'null' : `'${value}'`)).join(', ')
  const rows = `unnest(array[${list}]::text[]) with ordinality as given(t, n)`
  const cast = type.replace(/\[\]$/, '')

  test('each value is what PostgreSQL says it is', async () => {
    const table = await ask(`select t::${cast} as v from ${rows} order by n`)
    const said = await database.admin<{ said: string | null }>(
      `select (${says.replaceAll('$v', `t::${cast}`)})::text as said from ${rows} order by n`,
    )
    expect(String(table.schema.fields[0]?.type)).toBe(arrow)
    expect(cellsOf(table)).toEqual([said.map(row => row.said)])
  })

  test('and so it is in arrays, with nulls, empty ones and two dimensions', async () => {
    const select = (v: string) =>
      `select ${v} as v from (select array_agg(t::${cast} order by n) as a from ${rows}) as given`
    const [said] = await database.admin<{ said: Cell[] }>(
      `select array_agg((${says.replaceAll('$v', `t::${cast}`)})::text order by n) as said from ${rows}`,
    )
    const array = `array[a, a]::${cast}[]`
    const all = `${select('a')} union all ${select(`'{}'::${cast}[]`)} union all ${select(`null::${cast}[]`)}`
    const flat = await ask(all)
    expect(cellsOf(flat)).toEqual([[said?.said, [], null]])
    const nested = await ask(`${select(array)} union all ${select(`'{}'::${cast}[]`)}`, {
      dimensions: { v: 2 },
    })
    expect(cellsOf(nested)).toEqual([[[said?.said, said?.said], []]])
    for (const table of [flat, nested])
      expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual(cellsOf(table))
  })
})

test('what is not known comes as the text that PostgreSQL writes, whatever the session has set', async () => {
  const columns = {
    mood: `'happy é'::mood`,
    pair: `(1, 'a "b" \\\\')::pair`,
    pairs: `array[(1, 'a "b" \\\\')::pair, null]`,
    spans: `array['[1,2]'::span]`,
    wide_spans: `array['[1,2]'::wide_span]`,
    range: `'[2020-01-01,infinity)'::daterange`,
    ...since(14, { multirange: `'{[1,3), [5,9)}'::int4multirange` }, {}),
    inet: `'10.0.0.1/8'::inet`,
    inets: `'{10.0.0.1,NULL}'::inet[]`,
    money: `'-12.34'::money`,
    char: `'a'::"char"`,
    point: `'(1,2)'::point`,
    timetz: `'12:00+02'::timetz`,
    bit: `'1011'::bit(4)`,
    tsvector: `'a fat cat'::tsvector`,
    regclass: `'pg_class'::regclass`,
    xid8: `'123456789012345'::xid8`,
    huge: `repeat('9', 100)::numeric(100)`,
    free: `'NaN'::numeric`,
    json: `'{"a": [1, null, "é"]}'::json`,
    jsonb: `'{"a": [1, null, "é"]}'::jsonb`,
    literal: `'unknown'`,
  }
  const entries = Object.entries(columns)
  const table = await ask(`select ${entries.map(([name, sql]) => `${sql} as "${name}"`).join(', ')}`)
  const [said] = await database.admin(
    `select ${entries.map(([name, sql]) => `(${sql})::text as "${name}"`).join(', ')}`,
  )
  for (const [index, [name]] of entries.entries()) {
    expect(cellsOf(table)[index], name).toEqual([said?.[name]])
    expect(String(table.schema.fields[index]?.type), name).toBe('Utf8')
  }
})

test('a date, time or byte string is the same under any style that the session has set', async () => {
  await engines.scope(async db => {
    await db.main.query(
      "set local datestyle = 'German'; set local timezone = 'Asia/Kolkata'; set local intervalstyle = 'sql_standard'; set local bytea_output = 'escape'; set local extra_float_digits = 0",
    )
    const text = `select '2020-02-29'::date as d, '2020-02-29 01:02:03.000004Z'::timestamptz as t,
      '1 year 2 days -3 seconds'::interval as i, '\\x00ff'::bytea as b, (0.1::float8 + 0.2::float8) as f`
    const table = await toArrow({ session: db.main, text })
    expect(cellsOf(table)).toEqual([
      ['18321'],
      ['1582938123000004'],
      ['12 2 -3000000'],
      ['00ff'],
      ['3fd3333333333334'],
    ])
  })
})

test('a domain is the type that it is over, and a declared numeric is its decimal, from a table too', async () => {
  const scaled = since(15, ['numeric(3, -2)', 'numeric(2, 5)'], ['numeric(7, 2)', 'numeric(6, 5)'])
  await database.admin(
    `create table declared (a price, b numeric(76, 30), c numeric(77, 0), d numbers, e ${scaled[0]}, f ${scaled[1]})`,
  )
  await database.admin(
    "insert into declared values (-12.5, 7.000000000000000000000000000001, 5, '{1,2}', 12345, 0.00012), (null, null, null, null, null, null)",
  )
  const table = await engines.scope(db => toArrow(db.main('declared').orderBy('a')))
  expect(table.schema.fields.map(({ type }) => String(type))).toEqual([
    'Decimal[10e+2]',
    'Decimal[76e+30]',
    'Utf8',
    'List<Int32>',
    ...since(15, ['Decimal[5e0]', 'Decimal[5e+5]'], ['Decimal[7e+2]', 'Decimal[6e+5]']),
  ])
  expect(cellsOf(table)).toEqual([
    ['-12.50', null],
    ['7.000000000000000000000000000001', null],
    ['5', null],
    [['1', '2'], null],
    [since(15, '12300', '12345.00'), null],
    ['0.00012', null],
  ])
  expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual(cellsOf(table))
})

test('arrays of enums and of domains are lists of what those are, however they are built', async () => {
  const columns: Record<string, [sql: string, type: string, cell: Cell]> = {
    moods: [`'{sad,NULL,"happy é"}'::mood[]`, 'List<Utf8>', ['sad', null, 'happy é']],
    none: [`'{}'::mood[]`, 'List<Utf8>', []],
    nothing: [`null::mood[]`, 'List<Utf8>', null],
    prices: [`array[1.5, null]::price[]`, 'List<Decimal[10e+2]>', ['1.50', null]],
    small: [`array[-1.5]::small_price[]`, 'List<Decimal[10e+2]>', ['-1.50']],
    feelings: [`'{ok,sad}'::feeling[]`, 'List<Utf8>', ['ok', 'sad']],
    below: [`'{ok}'::feelings`, 'List<Utf8>', ['ok']],
    lists: [`'{"{1,NULL}",NULL,"{}"}'::numbers[]`, 'List<List<Int32>>', [['1', null], null, []]],
    moodss: [`'{"{ok,NULL}",NULL}'::feelings[]`, 'List<List<Utf8>>', [['ok', null], null]],
    matrix: [
      `array[array['ok', null], array['sad', 'sad']]::mood[]`,
      'List<List<Utf8>>',
      [
        ['ok', null],
        ['sad', 'sad'],
      ],
    ],
    // Taken from the catalogue as well, because oids are not the same everywhere.
    names: [`array['a']::information_schema.sql_identifier[]`, 'List<Utf8>', ['a']],
  }
  const entries = Object.entries(columns)
  const text = `select ${entries.map(([name, [sql]]) => `${sql} as "${name}"`).join(', ')} from generate_series(1, 3)`
  const options = { dimensions: { matrix: 2 } }
  // The second time every type is already known.
  for (const session of ['new to the connection', 'known']) {
    const table = await ask(text, options)
    for (const [index, [name, [, type, cell]]] of entries.entries()) {
      expect(String(table.schema.fields[index]?.type), `${name}, ${session}`).toBe(type)
      expect(cellsOf(table)[index], name).toEqual([cell, cell, cell])
    }
    expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual(cellsOf(table))
  }
})

test('a type that was made in the same transaction is known, and one that came after a rollback is not taken for it', async () => {
  await engines.scope(async db => {
    for (const labels of [`'a', 'b'`, `'c'`]) {
      await db.main.query(`create type fresh as enum (${labels})`)
      const text = `select enum_range(null::fresh) as v, $1::int as n`
      const table = await toArrow({ session: db.main, text, values: [7] })
      expect(cellsOf(table)).toEqual([[labels.match(/\w/g)], ['7']])
      await db.main.rollback()
      await db.main.query('create type fresh as (a int)')
      const other = await toArrow({ session: db.main, text: 'select array[row(1)::fresh] as v' })
      expect(cellsOf(other)).toEqual([['{(1)}']])
      await db.main.rollback()
    }
  })
})

test('observers are told of one statement with its own rows where types had to be asked for', async () => {
  await using engines = open()
  await engines.scope(async db => {
    const text = `select array['ok'::mood] as v, g from generate_series(1, 3) as g`
    const told: Record<string, unknown>[] = []
    const listen = (message: unknown) => void told.push(message as Record<string, unknown>)
    await db.main.query('select 1')
    subscribe('enginelight:statement', listen)
    await toArrow({ session: db.main, text })
    unsubscribe('enginelight:statement', listen)
    expect(told.filter(({ phase }) => phase === 'start')).toHaveLength(1)
    expect(told.find(({ phase }) => phase === 'end')).toMatchObject({ rows: 3, command: 'SELECT' })
  })
})

test('a numeric without precision is text, or a decimal where that is asked for and holds it exactly', async () => {
  const text = 'select sum(v) as v from (values (0.1), (-1234567890123456789012345678.2)) as t(v)'
  expect(cellsOf(await ask(text))).toEqual([['-1234567890123456789012345678.1']])
  const numeric = { precision: 38, scale: 10 } as const
  const table = await ask(text, { numeric })
  expect(String(table.schema.fields[0]?.type)).toBe('Decimal[38e+10]')
  expect(cellsOf(table)).toEqual([['-1234567890123456789012345678.1000000000']])
  for (const [value, what] of [
    ['0.00000000001', 'digits after the point'],
    ['0.10000000001', 'digits after the point'],
    ['12345678901234567.12345678901', 'digits after the point'],
    ['10000000000000000000000000000', 'more digits than'],
    ['NaN', 'NaN'],
    ...since(14, [['-Infinity', '-Infinity']], []),
  ]) {
    const error = await failure(`select '${value}'::numeric as v`, { numeric })
    expect(error, value).toMatchObject({ code: 'EL_ARROW_VALUE', column: 'v' })
    expect(error.message).toContain(what)
  }
  for (const [value, fits] of [
    ['999', true],
    ['1000', false],
    ['-1000', false],
  ] as const) {
    const asked = ask(`select ${value}::numeric as v`, { numeric: { precision: 3, scale: 0 } })
    if (fits) expect(cellsOf(await asked)).toEqual([[value]])
    else await expect(asked).rejects.toMatchObject({ code: 'EL_ARROW_VALUE' })
  }
})

test('infinity is an error that says what to do, or null', async () => {
  for (const type of ['date', 'timestamp', 'timestamptz', ...since(17, ['interval'], [])]) {
    for (const value of ['infinity', '-infinity']) {
      const text = `select '${value}'::${type} as v union all select null`
      expect(await failure(text), type).toMatchObject({ code: 'EL_ARROW_VALUE', column: 'v' })
      expect((await failure(text)).message).toContain("{ infinity: 'null' }")
      expect(cellsOf(await ask(text, { infinity: 'null' }))).toEqual([[null, null]])
      const array = `select array['${value}']::${type}[] as v`
      expect(cellsOf(await ask(array, { infinity: 'null' }))).toEqual([[[null]]])
    }
  }
})

test.each([
  ["'NaN'::numeric(10, 2)", 'NaN'],
  ["'24:00'::time", '24:00:00'],
  ["'294276-12-31 23:59:59.999999'::timestamp", 'beyond the range'],
  ["'2562048 hours'::interval", 'nanoseconds'],
  ["'{{1,2},{3,4}}'::int[]", '2 dimensions where 1 is'],
])('%s cannot be said in Arrow, and that is an error without the value in it', async (sql, what) => {
  const error = await failure(`select 1 as other, ${sql} as "a column"`)
  expect(error).toMatchObject({ code: 'EL_ARROW_VALUE', column: 'a column' })
  expect(error.message).toContain(what)
  expect(error.message).toContain('cast it to text')
})

test('a dictionary has each text once, over all batches, and the writers of both formats take it', async () => {
  const text = `select case g % 7 when 0 then null when 6 then 'late ' || (g / 400) else (array['sad', 'ok', 'happy é'])[1 + g % 3] end as v
    from generate_series(1, 1000) as g order by g`
  const plain = await ask(text)
  const table = await ask(text, { dictionary: ['v'], batchRows: 150 })
  expect(String(table.schema.fields[0]?.type)).toBe('Dictionary<Int32, Utf8>')
  expect(cellsOf(table)).toEqual(cellsOf(plain))
  expect(table.getChildAt(0)?.toArray().length).toBe(1000)
  expect([...(table.getChildAt(0) ?? [])]).toEqual(cellsOf(plain)[0])
  const last = table.batches.at(-1)?.data.children[0] as unknown as { dictionary: { length: number } }
  expect(last.dictionary.length).toBe(6)
  expect([...(tableFromIPC(tableToIPC(table)).getChildAt(0) ?? [])]).toEqual(cellsOf(plain)[0])
  const file = RecordBatchFileWriter.writeAll(table).toUint8Array(true)
  expect([...(tableFromIPC(file).getChildAt(0) ?? [])]).toEqual(cellsOf(plain)[0])
  expect(cells(table.getChildAt(0) as never).length).toBe(1000)
})

test('a dictionary of nulls alone is one', async () => {
  const table = await ask('select null::text as v from generate_series(1, 3)', { dictionary: ['v'] })
  expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual([[null, null, null]])
})
