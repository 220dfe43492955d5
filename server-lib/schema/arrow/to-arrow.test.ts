import { RecordBatchStreamWriter, tableFromIPC, tableToIPC, type RecordBatch } from 'apache-arrow'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { wantSites } from '../../identity/wanted-sites.ts'
import { createEngines, engine } from '../../index.ts'
import { cellsOf } from '../../testing/arrow-cells.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectQuiet } from '../../testing/ground-truth.ts'
import { arrowBatches, toArrow } from '../index.ts'

let database: TestDatabase
const open = (options: object = {}) =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 1 }, ...options }) })
let engines: ReturnType<typeof open>
beforeAll(async () => {
  database = await createDatabase(`
    create table groups (id int primary key, name text);
    create table members (id int primary key, group_id int references groups, name text);
    insert into groups select g, 'group ' || g from generate_series(1, 3) as g;
    insert into members select g, 1 + g % 3, 'member ' || g from generate_series(1, 6) as g;
  `)
  engines = open()
})
afterEach(() => expectQuiet(database))
afterAll(async () => {
  await engines.close()
  await database.drop()
})

const inTime = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([work, sleep(4_000, 'waits for ever' as const)])
const numbers = (count: number) => `select generate_series(1, ${count}) as n`

test('a builder, a raw, a knex of the session, one of its transactions and a text with values all give a table', async () => {
  await engines.scope(async db => {
    const expected = [
      ['2', '3'],
      ['group 2', 'group 3'],
    ]
    const builder = db.main('groups').where('id', '>', 1).orderBy('id')
    expect(cellsOf(await toArrow(builder))).toEqual(expected)
    expect(cellsOf(await toArrow(db.main.raw('select * from groups where id > ? order by id', [1])))).toEqual(
      expected,
    )
    expect(cellsOf(await toArrow(db.main.knex('groups').where('id', '>', 1).orderBy('id')))).toEqual(expected)
    const text =
      'select * from groups where id > $1 and name = any($2) and $3::timestamptz is not null and $4::bytea is not null and $5::text is null order by id'
    const values = [1, ['group 2', 'group 3'], new Date(), Buffer.from([0, 255]), null]
    expect(cellsOf(await toArrow({ session: db.main, text, values }))).toEqual(expected)
    await db.main.knex.transaction(async trx => {
      await trx('groups').insert({ id: 4, name: 'uncommitted' })
      expect((await toArrow(trx('groups'))).numRows).toBe(4)
    })
    expect((await toArrow(db.main('groups'))).numRows).toBe(4)
    const returning = await toArrow(db.main('groups').insert({ id: 5, name: 'new' }).returning('id'))
    expect(cellsOf(returning)).toEqual([['5']])
  })
})

test('two columns of one name are two columns, through a writer too', async () => {
  await engines.scope(async db => {
    const joined = db.main('members').join('groups', 'groups.id', 'members.group_id').where('members.id', 4)
    const table = await toArrow(joined)
    expect(table.schema.names).toEqual(['id', 'group_id', 'name', 'id', 'name'])
    const expected = [['4'], ['2'], ['member 4'], ['2'], ['group 2']]
    expect(cellsOf(table)).toEqual(expected)
    expect(cellsOf(tableFromIPC(tableToIPC(table)))).toEqual(expected)
  })
})

test('without a row there is the schema, in a table and in the one batch', async () => {
  await engines.scope(async db => {
    const none = () => db.main('members').where('id', -1)
    const table = await toArrow(none())
    expect(table.numRows).toBe(0)
    expect(table.schema.fields.map(String)).toEqual(['id: Int32', 'group_id: Int32', 'name: Utf8'])
    expect(tableFromIPC(tableToIPC(table)).schema.names).toEqual(['id', 'group_id', 'name'])
    const batches = await all(arrowBatches(none()))
    expect(batches.map(batch => batch.numRows)).toEqual([0])
    expect(batches[0]?.schema.names).toEqual(['id', 'group_id', 'name'])
    // A table with rows but no columns.
    expect((await toArrow({ session: db.main, text: 'select from members' })).schema.fields).toEqual([])
  })
})

async function all(batches: AsyncIterable<RecordBatch>): Promise<RecordBatch[]> {
  const taken: RecordBatch[] = []
  for await (const batch of batches) taken.push(batch)
  return taken
}

test.each([1, 63, 64, 65, 1000, 5000])('batches of %d rows hold all of them, in order', async batchRows => {
  await engines.scope(async db => {
    const text = numbers(2_500)
    const expected = Array.from({ length: 2_500 }, (_, index) => index + 1)
    for (const batches of [
      (await toArrow({ session: db.main, text }, { batchRows })).batches,
      await all(arrowBatches({ session: db.main, text }, { batchRows })),
    ]) {
      expect(batches.flatMap(batch => [...(batch.getChildAt(0) ?? [])])).toEqual(expected)
      const sizes = batches.map(batch => batch.numRows)
      expect(sizes.slice(0, -1).every(size => size === batchRows)).toBe(true)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(batchRows)
      expect(Math.min(...sizes)).toBeGreaterThan(0)
    }
  })
})

test('batches of large rows are closed before, and no more than two of them lie ready', async () => {
  await engines.scope(async db => {
    const text = `select repeat(chr(64 + g), 4000000) as v from generate_series(1, 20) as g`
    const before = process.memoryUsage().arrayBuffers
    let peak = 0
    let rows = 0
    for await (const batch of arrowBatches({ session: db.main, text })) {
      rows += batch.numRows
      await sleep(20)
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
      expect(batch.numRows).toBeLessThanOrEqual(5)
      expect(batch.getChildAt(0)?.get(batch.numRows - 1)).toBe(
        String.fromCharCode(64 + rows).repeat(4_000_000),
      )
    }
    expect(rows).toBe(20)
    expect(peak).toBeLessThan(160e6)
  })
})

test('of batches no more than the next one is asked for before it is wanted', async () => {
  await engines.scope(async db => {
    await db.main.query('select 1')
    const { pool } = engines.get().knex.client as {
      pool: { used: { resource: { connection: { stream: { bytesRead: number } } } }[] }
    }
    const { stream } = pool.used[0]?.resource.connection ?? {}
    const batches = arrowBatches({ session: db.main, text: numbers(100_000) }, { batchRows: 10 })
    await batches.next()
    await sleep(30)
    const before = stream?.bytesRead ?? 0
    await batches.next()
    await sleep(30)
    // Each row is 15 bytes.
    expect((stream?.bytesRead ?? 0) - before).toBe(10 * 15 + 5)
    await batches.return()
  })
})

test('of large rows no more are sent than two batches hold, from the first on', async () => {
  await engines.scope(async db => {
    await db.main.query('select 1')
    const { pool } = engines.get().knex.client as {
      pool: { used: { resource: { connection: { stream: { bytesRead: number } } } }[] }
    }
    const stream = pool.used[0]?.resource.connection.stream ?? { bytesRead: 0 }
    const before = stream.bytesRead
    const text = `select repeat('x', 1000000) as v from generate_series(1, 100)`
    const batches = arrowBatches({ session: db.main, text })
    await batches.next()
    let read = 0
    while (read !== (read = stream.bytesRead)) await sleep(100)
    // Two of 16 MiB, and what was requested last.
    expect(read - before).toBeLessThan(40e6)
    await batches.return()
  })
})

test("batches go through arrow's own writer to a reader", async () => {
  await engines.scope(async db => {
    const batches = arrowBatches({ session: db.main, text: numbers(1_000) }, { batchRows: 300 })
    const writer = RecordBatchStreamWriter.throughNode()
    await pipeline(Readable.from(batches), writer, async function (source: AsyncIterable<Uint8Array>) {
      const chunks: Uint8Array[] = []
      for await (const chunk of source) chunks.push(chunk)
      expect(cellsOf(tableFromIPC(Buffer.concat(chunks)))[0]).toHaveLength(1_000)
    } as never)
    const bytes = (
      await RecordBatchStreamWriter.writeAll(
        arrowBatches({ session: db.main, text: numbers(1_000) }, { batchRows: 300 }),
      )
    ).toUint8Array()
    expect(cellsOf(tableFromIPC(await bytes))[0]).toHaveLength(1_000)
  })
})

test('observers are told of one statement, with its text, its rows and no value', async () => {
  const told: Record<string, unknown>[] = []
  const listen = (message: unknown) => void told.push(message as Record<string, unknown>)
  subscribe('enginelight:statement', listen)
  const unwanted = wantSites()
  await engines.scope(async db => {
    await db.main.query('select 1')
    told.length = 0
    await toArrow(db.main('members').where('id', '<', 4))
    await expect(toArrow({ session: db.main, text: 'select 1 / 0' })).rejects.toThrow()
  })
  unsubscribe('enginelight:statement', listen)
  unwanted()
  const seen = told.filter(({ text, rows }) => text !== undefined || rows !== undefined).slice(0, 4)
  expect(seen[0]).toMatchObject({
    phase: 'start',
    kind: 'cursor',
    parameters: 1,
    text: 'select * from "members" where "id" < $1',
  })
  expect((seen[0] as { site?: { label: string } }).site?.label).toContain('to-arrow.test.ts')
  expect(seen[1]).toMatchObject({ phase: 'end', rows: 3, command: 'SELECT', error: null })
  expect(seen[3]).toMatchObject({ phase: 'end', error: { code: '22012' } })
})

test('what writes marks the session as one that has changed something', async () => {
  const db = engines.open()
  await toArrow(db.main('groups').insert({ id: 9, name: 'nine' }).returning('id'))
  await db.commit()
  await db.end()
  expect(await database.admin('delete from groups where id = 9 returning id')).toHaveLength(1)
})

test.each([
  ['a statement without columns', (db: Db) => toArrow(db.main('groups').delete())],
  ['an empty text', (db: Db) => toArrow({ session: db.main, text: '' })],
  ['two statements', (db: Db) => toArrow(db.main.schema.dropTable('groups').dropTable('members') as never)],
  ['nothing', () => toArrow(undefined as never)],
  ['rows', () => toArrow([] as never)],
  ['a text alone', () => toArrow('select 1' as never)],
  ['a text without its session', () => toArrow({ text: 'select 1' } as never)],
  [
    'values that are no array',
    (db: Db) => toArrow({ session: db.main, text: 'select 1', values: 1 } as never),
  ],
  [
    'more values than the protocol can count',
    (db: Db) => toArrow({ session: db.main, text: 'select 1', values: Array(65_536).fill(1) }),
  ],
  ['a builder of another knex', () => toArrow(engines.get().knex('groups'))],
  ['an unknown option', (db: Db) => toArrow(db.main('groups'), { rows: 1 } as never)],
  ['no rows in a batch', (db: Db) => toArrow(db.main('groups'), { batchRows: 0 })],
  ['a wrong numeric', (db: Db) => toArrow(db.main('groups'), { numeric: { precision: 77, scale: 0 } })],
  ['a wrong infinity', (db: Db) => toArrow(db.main('groups'), { infinity: 'max' as never })],
  ['a wrong dictionary', (db: Db) => toArrow(db.main('groups'), { dictionary: 'name' as never })],
  ['a dictionary of no column', (db: Db) => toArrow(db.main('groups'), { dictionary: ['nam'] })],
  ['dimensions of no column', (db: Db) => toArrow(db.main('groups'), { dimensions: { nam: 2 } })],
  ['a dictionary of numbers', (db: Db) => toArrow(db.main('groups'), { dictionary: ['id'] })],
  ['dimensions of what is no array', (db: Db) => toArrow(db.main('groups'), { dimensions: { id: 2 } })],
  ['wrong dimensions', (db: Db) => toArrow(db.main('groups'), { dimensions: { name: 0 } })],
  ['a wrong signal', (db: Db) => toArrow(db.main('groups'), { signal: true as never })],
] as const)('%s is refused, and nothing is run', async (_what, ask) => {
  await engines.scope(async db => {
    await expect(inTime(ask(db))).rejects.toMatchObject({ code: 'EL_CONFIG' })
    expect((await db.main.query('select count(*)::int as one from groups')).rows).toEqual([{ one: 3 }])
  })
})
type Db = ReturnType<ReturnType<typeof open>['open']>

test('arrowBatches refuses at once what no query can be', () => {
  expect(() => arrowBatches('select 1' as never)).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
})
