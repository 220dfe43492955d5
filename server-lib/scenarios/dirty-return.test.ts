import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { CANARY, CLEAN } from '../testing/canary.ts'
import { CopyIn } from '../testing/copy-in.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('create table t (id int); create role visitor; grant all on t to visitor')
})
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(async () => {
  await database.admin('drop owned by visitor; drop role visitor')
  await database.drop()
})

type Options = { resetOnRelease?: boolean }

/** The sources of connections, each with a pool of one. */
const SOURCES = {
  connection: (options: Options = {}) => {
    const engines = createEngines({
      main: engine()({ connection: database.url, pool: { max: 1 }, ...options }),
      log: engine()({ connection: database.url, pool: { max: 1 }, mode: 'autocommit', ...options }),
    })
    return { engines, close: () => engines.close() }
  },
  knex: (options: Options = {}) => {
    const made = () => knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
    const [one, two] = [made(), made()]
    const engines = createEngines({
      main: engine()({ knex: one, ...options }),
      log: engine()({ knex: two, mode: 'autocommit', ...options }),
    })
    return {
      engines,
      close: () => engines.close().then(() => Promise.all([one.destroy(), two.destroy()])),
    }
  },
  'pg.Pool': (options: Options = {}) => {
    const made = () => new pg.Pool({ connectionString: database.url, max: 1 })
    const [one, two] = [made(), made()]
    const engines = createEngines({
      main: engine()({ pool: one, ...options }),
      log: engine()({ pool: two, mode: 'autocommit', ...options }),
    })
    return { engines, close: () => engines.close().then(() => Promise.all([one.end(), two.end()])) }
  },
}

async function ask(session: Session): Promise<{ pid: number; canary: object }> {
  const { rows } = await session.query(`select pg_backend_pid() as pid, canary.* from (${CANARY}) canary`)
  const { pid, ...canary } = rows[0] as { pid: number }
  return { pid, canary }
}

const swallow = (work: Promise<unknown>) => void work.catch(() => {})

/** What a request leaves behind that a session promises to clear away, or to close the connection for. */
const PROMISED: Record<string, (session: Session) => unknown> = {
  'an open transaction': session => session('t').insert({ id: 1 }),
  'BEGIN sent as text': session => session.query('begin; insert into t values (1)'),
  'a failed transaction': session => session.query('select 1/0').catch(() => {}),
  'a setting of the transaction': session => session.query(`set local work_mem = '1MB'`),
  'LOCK TABLE': session => session.query('begin; lock table t'),
  'a statement that nobody awaited': session => swallow(session.query('select pg_sleep(10)')),
  'a half-read stream': async session => {
    const stream = session.stream('select generate_series(1, 100000)')
    stream.on('error', () => {})
    await new Promise(resolve => void stream.once('readable', resolve))
    stream.read()
  },
  'a half-read stream of a builder': async session => {
    const stream = session.stream(session.raw('select generate_series(1, 100000)'))
    stream.on('error', () => {})
    await new Promise(resolve => void stream.once('readable', resolve))
    stream.read()
  },
  'a COPY that never ends': async session => {
    const connection = await (
      session.knex.client as { acquireConnection(): Promise<{ query(copy: object): void }> }
    ).acquireConnection()
    const copy = new CopyIn('copy t from stdin')
    connection.query(copy)
    await copy.begun
  },
}

/** What belongs to the connection and not to the transaction: cleared only where the engine says so. */
const OF_THE_CONNECTION: Record<string, [text: string, leaks: object]> = {
  SET: [`set work_mem = '1MB'`, { settings: ['work_mem'] }],
  set_config: [`select set_config('statement_timeout', '7777', false)`, { settings: ['statement_timeout'] }],
  search_path: [`set search_path = pg_catalog`, { settings: ['search_path'] }],
  'SET ROLE': ['set role visitor', { role: 'visitor' }],
  'an advisory lock': ['select pg_advisory_lock(pg_backend_pid())', { advisory: 1 }],
  LISTEN: ['listen news', { listening: ['news'] }],
  'a temporary table': ['create temporary table scratch (id int)', { temporary: 1 }],
  PREPARE: ['prepare plan as select 1', { prepared: ['plan'] }],
  'WITH HOLD': ['declare held cursor with hold for select 1', { cursors: ['held'] }],
}

describe.each(Object.keys(SOURCES) as (keyof typeof SOURCES)[])('R11 %s', source => {
  test.each(Object.entries(PROMISED))('%s reaches nobody', async (_what, leave) => {
    const { engines, close } = SOURCES[source]()
    for (const name of ['main', 'log'] as const) {
      const stop = new AbortController()
      const db = engines.open({ signal: stop.signal })
      await leave(db[name])
      // As a client that leaves: nothing gets a grace.
      stop.abort()
      await db.end()
      await engines.scope(async next => {
        expect((await ask(next[name])).canary, name).toEqual(CLEAN)
      })
      if (name === 'main') expect(await database.admin('select * from t')).toEqual([])
    }
    await close()
  })

  test.each(Object.entries(OF_THE_CONNECTION))(
    '%s stays on the connection, unless the engine resets it',
    async (_what, [text, leaks]) => {
      for (const resetOnRelease of [false, true]) {
        const { engines, close } = SOURCES[source]({ resetOnRelease })
        for (const name of ['main', 'log'] as const) {
          const before = await engines.scope(async db => {
            const { pid } = await ask(db[name])
            await db[name].query(text)
            if (name === 'main') await db.main.commit()
            return pid
          })
          const after = await engines.scope(db => ask(db[name]))
          expect(after, name).toEqual({
            pid: before,
            canary: resetOnRelease ? CLEAN : { ...CLEAN, ...leaks },
          })
        }
        await close()
      }
    },
  )
})
