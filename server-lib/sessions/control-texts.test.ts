import Cursor from 'pg-cursor'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { toArrow } from '../schema/index.ts'
import { lend } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

interface Tables {
  t: { n: number }
}

let database: TestDatabase
let engines: ReturnType<typeof open>

function open() {
  const connection = database.url
  return createEngines({
    plain: engine<Tables>()({ connection, default: true }),
    requests: engine<Tables>()({ connection, transactional: true }),
    log: engine<Tables>()({ connection, enlist: 'independent' }),
    auto: engine<Tables>()({ connection, mode: 'autocommit', enlist: 'independent' }),
  })
}
type TestDb = Parameters<Parameters<typeof engines.run>[0]>[0]

beforeAll(async () => {
  database = await createDatabase(`create table t (n int);
    create procedure commits() language plpgsql as $$ begin insert into t values (9); commit; end $$`)
  engines = open()
})
afterEach(async () => {
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

const rows = async () => (await database.admin<{ n: number }>('select n from t order by n')).map(({ n }) => n)
const refused = (move: string) => expect.objectContaining({ code: 'EL_TRANSACTION_CONTROL', move })

/** Texts that are refused, in all spellings. */
const ENDS: [text: string, move: string][] = [
  ['commit', 'COMMIT'],
  ['  /* a */ -- b\n CoMMiT work;', 'COMMIT'],
  ['; ; commit', 'COMMIT'],
  ['end', 'END'],
  ['end transaction', 'END TRANSACTION'],
  ['rollback', 'ROLLBACK'],
  ['rollback work', 'ROLLBACK'],
  ['abort', 'ABORT'],
  ['commit and chain', 'COMMIT AND CHAIN'],
  ['rollback and chain', 'ROLLBACK AND CHAIN'],
  ["prepare transaction 'x'", 'PREPARE TRANSACTION'],
  ["commit prepared 'x'", 'COMMIT PREPARED'],
  ["rollback prepared 'x'", 'ROLLBACK PREPARED'],
  ['insert into t values (1); commit; begin; insert into t values (2)', 'COMMIT'],
  ["select 'a;b'; /* ; */ rollback", 'ROLLBACK'],
  ['commit\0\0\u0001\0', 'COMMIT'],
]

/** Texts that contain the words but end nothing. */
const LEGAL = [
  'savepoint a; rollback to a',
  'savepoint a; rollback work to savepoint a; release a',
  'prepare p as select 1; deallocate p',
  "select case when true then 1 end; select 'x; commit'",
  'select \'; commit; \' as "; commit; "',
  "select E'\\'; commit; --'",
  "select E'a'\n'\\'; commit; --'",
  "select U&'\\0041; commit'",
  'select $$; commit;$$, $a$; commit; $$ $a$',
  'select 1 /* ; /* ; commit; */ ; commit; */',
  'select 1 -- ; commit',
  'do $$ begin perform 1; end $$; select 1',
  `create or replace function pg_temp.f() returns int begin atomic
     select case when true then 1 end; select case 1 when 1 then 2 end; end; select 1`,
  'select 1 as commit',
  ';',
]

const waysToSend: Record<string, (db: TestDb, text: string) => unknown> = {
  raw: ({ plain }, text) => plain.raw(text),
  query: ({ plain }, text) => plain.query(text),
  'query with values': ({ plain }, text) => plain.query(text, []),
  'schema.raw': ({ plain }, text) => plain.schema.raw(text),
  'session.knex.raw': ({ plain }, text) => plain.knex.raw(text),
  'a knex transaction': ({ plain }, text) => plain.knex.transaction(trx => trx.raw(text)),
  'a callback on the connection': ({ plain }, text) =>
    plain.knex.client.acquireConnection().then(
      (client: pg.Client) =>
        new Promise((resolve, reject) => {
          client.query(text, (error: Error | null, result: unknown) =>
            error ? reject(error) : resolve(result),
          )
        }),
    ),
  'a config': ({ plain }, text) =>
    plain.knex.client
      .acquireConnection()
      .then((client: pg.Client) => client.query({ text, rowMode: 'array' })),
  'a query of pg': async ({ plain }, text) => {
    const client = await plain.knex.client.acquireConnection()
    return new Promise((resolve, reject) => {
      const callback = (error: Error, result: unknown) => (error ? reject(error) : resolve(result))
      client.query(
        new (pg.Query as never as new (...args: unknown[]) => unknown)({ text }, undefined, callback),
      )
    })
  },
}

/** Ways in which the server accepts at most one statement. */
const waysToSendOne: typeof waysToSend = {
  'a named statement': ({ plain }, text) =>
    plain.knex.client
      .acquireConnection()
      .then((client: pg.Client) => client.query({ name: `n${text}`, text })),
  'a stream': ({ plain }, text) => plain.stream(text).toArray(),
  'a stream with values': ({ plain }, text) => plain.stream(text, [1]).toArray(),
  'a stream of knex': ({ plain }, text) => plain.knex.raw(text).stream().toArray(),
  'a stream of its own': async ({ plain }, text) => {
    const client = await plain.knex.client.acquireConnection()
    return client.query(new QueryStream(text, [])).toArray()
  },
  Arrow: ({ plain }, text) => toArrow(plain.raw(text)),
  'a cursor': async ({ plain }, text) => {
    const client = await plain.knex.client.acquireConnection()
    return client.query(new Cursor(text, [])).read(1)
  },
}

describe.each(Object.entries({ ...waysToSend, ...waysToSendOne }))('sent by %s', (name, send) => {
  const isOne = name in waysToSendOne
  const ends = ENDS.filter(([text]) => !isOne || !/;.*\w/s.test(text) || text.startsWith(';'))

  test('what ends the transaction of a run is refused, and the run goes on', async () => {
    await engines.run(async db => {
      await db.plain('t').insert({ n: 1 })
      for (const [text, move] of ends) await expect(send(db, text), text).rejects.toThrow(refused(move))
      await db.plain('t').insert({ n: 2 })
      expect(await rows()).toEqual([])
    })
    expect(await rows()).toEqual([1, 2])
  })
})

test.each(Object.entries(waysToSend))('sent by %s, what ends nothing is sent', async (_, send) => {
  await engines.run(async db => {
    await db.plain('t').insert({ n: 1 })
    for (const text of LEGAL) await send(db, text)
    await expect(rows()).resolves.toEqual([])
  })
  expect(await rows()).toEqual([1])
})

describe('sent by a builder', () => {
  test('a second statement that is written into one is refused; behind parameters the server refuses it', async () => {
    await engines.run(async db => {
      await db.plain('t').insert({ n: 1 })
      const written = db.plain('t').whereRaw('true; commit; --')
      await expect(written).rejects.toThrow(refused('COMMIT'))
      await expect(db.plain('t').where({ n: 1 }).whereRaw('true; select 1 --')).rejects.toMatchObject({
        code: '42601',
      })
      await db.plain.rollback()
    })
    expect(await rows()).toEqual([])
  })
})

describe('refused', () => {
  type Around = (work: (db: TestDb) => Promise<void>) => Promise<unknown>
  const around: Record<string, Around> = {
    'in a run': work => engines.run(work),
    'in a run that takes part in a scope': work =>
      engines.scope(async db => {
        await engines.run(work)
        await db.commit()
      }),
    'in a nested run': work => engines.run(() => engines.run(work, { propagation: 'nested' })),
    'in a run of its own within a request': work =>
      engines.scope(() => engines.run(work, { propagation: 'new' })),
    'before the commit of a run': work => engines.run(db => void db.beforeCommit(() => work(db))),
    'in a savepoint': work =>
      engines.scope(async db => {
        await db.plain.savepoint(() => work(db))
        await db.commit()
      }),
    'in a savepoint on all engines': work =>
      engines.scope(async db => {
        await db.savepoint(() => work(db))
        await db.commit()
      }),
    'in a transaction of knex': work =>
      engines.scope(async db => {
        await db.plain.knex.transaction(() => work(db))
        await db.commit()
      }),
    'while a transaction of a library is open on the session': work =>
      engines.scope(async db => {
        const client = await lend(db.plain).pool.connect()
        await client.query('begin')
        await work(db)
        await client.query('commit')
        client.release()
        await db.commit()
      }),
  }

  test.each(Object.entries(around))('%s', async (_, run) => {
    await run(async db => {
      await db.plain('t').insert({ n: 1 })
      await expect(db.plain.raw('commit')).rejects.toThrow(refused('COMMIT'))
      await expect(db.plain.query('rollback')).rejects.toThrow(refused('ROLLBACK'))
      await db.plain.query('savepoint a; rollback to a')
      expect(await rows()).toEqual([])
    })
    expect(await rows()).toEqual([1])
  })

  test('on a transactional engine, whoever opened the container, with the names in the error', async () => {
    const db = engines.open()
    await db.requests('t').insert({ n: 1 })
    const error: unknown = await db.requests.raw('commit and chain').catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'EL_TRANSACTION_CONTROL',
      engine: 'requests',
      session: expect.stringMatching(/^s/),
      move: 'COMMIT AND CHAIN',
      message: expect.stringMatching(
        /^COMMIT AND CHAIN as text is refused on session s\d+ of engine "requests": /,
      ),
    })
    await db.commit()
    await db.end()
    expect(await rows()).toEqual([1])
  })

  test('before a connection is taken for it', async () => {
    await engines.run(async db => {
      await expect(db.plain.query('commit')).rejects.toThrow(refused('COMMIT'))
      expect(db.plain.identity).toBeUndefined()
    })
  })
})

describe('told', () => {
  const warnings: (Error & { code?: string })[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  beforeAll(() => void process.on('warning', onWarning))
  afterAll(() => void process.off('warning', onWarning))
  const told = async () => {
    await new Promise(resolve => setImmediate(resolve))
    return warnings.splice(0).map(({ name, code, message }) => ({ name, code, message }))
  }

  const ways: Record<string, (db: TestDb) => Promise<unknown>> = {
    raw: async ({ plain }) => plain.raw('commit'),
    query: ({ plain }) => plain.query('commit'),
    'one of several statements': ({ plain }) => plain.query('insert into t values (1); end'),
    'a stream': ({ plain }) => plain.stream('commit').toArray(),
  }
  test.each(Object.entries(ways))(
    'a COMMIT by %s of a session that may commit, once per line',
    async (_, send) => {
      for (let times = 0; times < 3; times++) {
        await engines.scope(async db => {
          await db.plain('t').insert({ n: times })
          await send(db)
        })
      }
      expect((await rows()).length).toBeGreaterThanOrEqual(3)
      expect(await told()).toEqual([
        {
          name: 'EnginelightWarning',
          code: 'EL_TRANSACTION_CONTROL',
          message: expect.stringMatching(
            /^(COMMIT|END) was sent as text at server-lib\/sessions\/control-texts\.test\.ts:\d+ on session s\d+ of engine "plain" .* Use session\.commit\(\), or db\.commit\(\)/,
          ),
        },
      ])
    },
  )

  test('and where no line can be found, once for each engine', async () => {
    for (let times = 0; times < 3; times++)
      await engines.scope(async db => {
        await db.plain('t').insert({ n: 1 })
        await db.plain.knex.raw('abort')
      })
    expect(await rows()).toEqual([])
    expect(await told()).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/^ABORT was sent as text/) }),
    ])
  })

  test("of an independent engine in a run, which is not the run's", async () => {
    await engines.run(async db => {
      await db.log('t').insert({ n: 5 })
      await db.log.raw('commit')
      expect(await rows()).toEqual([5])
    })
    expect(await told()).toEqual([expect.objectContaining({ message: expect.stringContaining('"log"') })])
  })

  test('not in autocommit, whose text is a transaction of its own; nor of savepoints, BEGIN and what was prepared', async () => {
    await engines.run(async db => {
      await db.auto.query('begin; insert into t values (1); commit')
      await db.plain.query('begin')
      await db.plain.query('savepoint a; rollback to a')
    })
    await engines.scope(db =>
      expect(db.plain.query("commit prepared 'none'")).rejects.toMatchObject({ code: '25001' }),
    )
    expect(await rows()).toEqual([1])
    expect(await told()).toEqual([])
  })
})

test.each([
  ['call commits()', 'a procedure'],
  ['do $$ begin insert into t values (9); commit; end $$', 'a DO block'],
])('%s: what commits inside of %s is refused by the server, and by us nothing of it', async text => {
  await engines.run(async db => {
    await db.plain('t').insert({ n: 1 })
    await expect(db.plain.savepoint(() => db.plain.query(text))).rejects.toMatchObject({ code: '2D000' })
  })
  expect(await rows()).toEqual([1])
})
