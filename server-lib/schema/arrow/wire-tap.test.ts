import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import { cellsOf } from '../../testing/arrow-cells.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectQuiet } from '../../testing/ground-truth.ts'
import { arrowBatches, toArrow } from '../index.ts'
import { loadArrow } from './arrow-library.ts'
import { ArrowStatement } from './arrow-statement.ts'
import { ending } from '../../testing/ending.ts'

let database: TestDatabase
const open = () => createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
let engines: ReturnType<typeof open>
beforeAll(async () => {
  database = await createDatabase()
  engines = open()
})
afterEach(() => expectQuiet(database))
afterAll(async () => {
  await engines.close()
  await database.drop()
})

interface Driver {
  readonly connection: { readonly stream: NodeJS.ReadableStream }
  on(event: 'notification', listener: (message: { payload: string }) => void): void
  removeAllListeners(event: 'notification'): void
}

/** The pool's one driver connection. */
const driverOf = ({ client }: { client: unknown }) => {
  const { pool } = client as { pool: { used: { resource: Driver }[]; free: { resource: Driver }[] } }
  return (pool.used[0] ?? pool.free[0])?.resource as Driver
}

/**
 * Passes the socket's data to its listeners in the pieces that `cut` makes; it may keep some back for the next time.
 */
function recut(stream: NodeJS.ReadableStream, cut: (chunk: Buffer) => Buffer[]): () => void {
  const socket = stream as unknown as { emit(event: string, ...args: unknown[]): boolean }
  const { emit } = socket
  socket.emit = (event, ...args) => {
    if (event !== 'data') return emit.call(socket, event, ...args)
    for (const piece of cut(args[0] as Buffer)) emit.call(socket, 'data', piece)
    return true
  }
  return () => Reflect.deleteProperty(socket, 'emit')
}

const pieces = (size: number) => (chunk: Buffer) =>
  Array.from({ length: Math.ceil(chunk.length / size) }, (_, index) =>
    chunk.subarray(index * size, (index + 1) * size),
  )

const text = `select g, case when g % 3 = 0 then null else repeat('x', g % 50) end as t, array[g, null] as a
  from generate_series(1, 300) as g`
const LONG = "select repeat('y', 300000) as t, 1 as one"

test.each([1, 2, 3, 4, 5, 6, 7, 11, 64, 4093])(
  'pieces of %d bytes make the same table, and the statements after it are answered',
  async size => {
    await engines.scope(async db => {
      const source = { session: db.main, text }
      const expected = cellsOf(await toArrow(source))
      const restore = recut(driverOf(engines.get().knex).connection.stream, pieces(size))
      expect(cellsOf(await toArrow(source))).toEqual(expected)
      let rows = 0
      for await (const batch of arrowBatches(source, { batchRows: 7 })) rows += batch.numRows
      expect(rows).toBe(300)
      const [[long]] = cellsOf(await toArrow({ session: db.main, text: LONG })) as [[string]]
      expect(long).toHaveLength(300_000)
      await expect(toArrow({ session: db.main, text: 'select 1 / 0' })).rejects.toMatchObject({
        code: '22012',
      })
      await db.main.rollback()
      expect((await db.main.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      restore()
    })
  },
)

test('a notification that came by half when the statement was sent reaches its listener whole', async () => {
  // So that no BEGIN precedes the statement.
  await using engines = createEngines({
    main: engine()({ connection: database.url, mode: 'autocommit', pool: { max: 1 } }),
  })
  const heard: string[] = []
  const driver = await engines.scope(async db => {
    await db.main.query('listen news')
    return driverOf(engines.get().knex)
  })
  driver.on('notification', ({ payload }) => void heard.push(payload))
  // Nothing else arrives on an idle connection. Its last bytes arrive together with the answer to the next statement.
  for (const kept of [1, 4, 5, 6, 20]) {
    let held: Buffer | undefined
    const restore = recut(driver.connection.stream, chunk => {
      if (held) {
        const whole = Buffer.concat([held, chunk])
        held = undefined
        return [whole]
      }
      if (chunk[0] !== 'A'.charCodeAt(0)) return [chunk]
      held = chunk.subarray(chunk.length - kept)
      return [chunk.subarray(0, chunk.length - kept)]
    })
    const isHeld = () => held !== undefined
    await engines.scope(async db => {
      await database.admin(`notify news, 'number ${kept}'`)
      await expect.poll(isHeld).toBe(true)
      expect(heard).not.toContain(`number ${kept}`)
      expect(cellsOf(await toArrow({ session: db.main, text: 'select 7 as n' }))).toEqual([['7']])
    })
    expect(heard).toContain(`number ${kept}`)
    restore()
  }
  expect(heard).toHaveLength(5)
  driver.removeAllListeners('notification')
})

test('afterwards the socket has the listeners that it had', async () => {
  await engines.scope(async db => {
    await db.main.query('select 1')
    const { stream } = driverOf(engines.get().knex).connection
    const before = stream.listeners('data')
    await toArrow({ session: db.main, text })
    await expect(toArrow({ session: db.main, text: 'selekt' })).rejects.toThrow()
    await db.main.rollback()
    for await (const _ of arrowBatches({ session: db.main, text }, { batchRows: 7 })) break
    expect(stream.listeners('data')).toEqual(before)
    expect(before).toHaveLength(1)
  })
})

test("pg's own query_timeout in the middle of a message leaves its connection in step", async () => {
  await using client = ending(new pg.Client({ connectionString: database.url, query_timeout: 100 }))
  await client.connect()
  const text = `select g, pg_sleep(case when g = 3000 then 0.2 else 0 end)::text, repeat('x', 100)
    from generate_series(1, 6000) as g`
  const statement = new ArrowStatement(await loadArrow(), { text, values: [] }, {}, 'all')
  client.query(statement as never)
  await expect(statement.read()).rejects.toThrow('Query read timeout')
  await sleep(150)
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})
