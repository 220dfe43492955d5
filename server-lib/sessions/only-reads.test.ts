import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { borrow, lend } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
let pool: pg.Pool
let client: pg.Client
let engines: ReturnType<typeof make>
const make = () => {
  const own = { connection: database.url, pool: { max: 2 }, access: 'read' as const }
  const host = borrow({ connection: () => client, access: 'read' })
  return createEngines({
    own: engine()(own),
    unpiped: engine()({ ...own, pipeline: false }),
    autocommit: engine()({ ...own, mode: 'autocommit' }),
    given: engine()({ pool, access: 'read', mode: 'autocommit' }),
    borrowed: host.engine,
    writer: engine()({ connection: database.url }),
  })
}
beforeAll(async () => {
  database = await createDatabase(`
    create table t (name text);
    create function opens_transaction() returns text language sql as $$ select set_config('transaction_read_only', 'off', true) $$;
    create function opens_session() returns text language sql as $$ select set_config('default_transaction_read_only', 'off', false) $$;
  `)
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  engines = make()
})
afterEach(async () => {
  await expectQuiet(database)
  expect(await database.admin('select * from t')).toEqual([])
})
afterAll(async () => {
  await engines.close()
  await Promise.all([pool.end(), client.end()])
  await expectBackends(database, 0)
  await database.drop()
})

const OWN = ['own', 'unpiped'] as const
const AUTOCOMMIT = ['autocommit', 'given'] as const

type Name = (typeof OWN)[number] | (typeof AUTOCOMMIT)[number] | 'borrowed'
/** Inside the host's transaction, for a borrowed session. */
async function withSession<T>(name: Name, work: (session: Session) => Promise<T>): Promise<T> {
  if (name === 'borrowed') await client.query('begin')
  try {
    return await engines.scope(async db => {
      const value = await work(db[name] as unknown as Session)
      if (name !== 'borrowed') await db.commit()
      return value
    })
  } finally {
    if (name === 'borrowed') await client.query('rollback')
  }
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )
const INSERT = "insert into t values ('written')"

const TEXTS = [
  'set transaction read write',
  'set transaction_read_only = off',
  'set session characteristics as transaction read write',
  'set default_transaction_read_only = off',
  "select set_config('transaction_read_only', 'off', true)",
  "select set_config('default_transaction_read_only', 'off', false)",
  'begin read write',
  'start transaction read write',
  'reset transaction_read_only',
  'reset all',
  'discard all',
]

test.each([...OWN, ...AUTOCOMMIT, 'borrowed'] as const)(
  'what would let %s write is refused before it is sent',
  async name => {
    for (const text of TEXTS) {
      const ways: Record<string, (session: Session) => Promise<unknown>> = {
        query: session => session.query(text),
        'with values': session => session.query(text, []),
        raw: session => session.raw(text),
        'among others': session => session.query(`select 1; ${text}; ${INSERT}`),
        'its knex': session => session.knex.raw(text),
        stream: session => session.stream(text).toArray() as Promise<unknown>,
      }
      for (const [way, send] of Object.entries(ways))
        expect([way, text, await withSession(name, session => codeOf(send(session)))]).toEqual([
          way,
          text,
          'EL_TRANSACTION_CONTROL',
        ])
    }
  },
)

test('a COMMIT that is refused for what stands behind it is not told of as sent', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', onWarning)
  expect(await withSession('own', session => codeOf(session.query(`commit; ${INSERT}`)))).toBe(
    'EL_TRANSACTION_CONTROL',
  )
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

test.each([...OWN, 'borrowed'] as const)('what %s cannot see in a text the server refuses', async name => {
  const hidden = [
    'select opens_transaction()',
    "do $$ begin set transaction read write; insert into t values ('by do'); end $$",
    "do $$ begin execute 'set transaction_read_only = off'; insert into t values ('by do'); end $$",
    "update pg_settings set setting = 'off' where name = 'transaction_read_only'",
  ]
  for (const text of hidden) {
    const said = await withSession(name, async session => {
      const first = await codeOf(session.query(text))
      return [first, await codeOf(session.query(INSERT))]
    }).catch((error: { code?: string }) => [error.code])
    expect([text, said[0]]).toEqual([text, expect.stringMatching(/^(25001|25006|22023|0A000|EL_.*|done)$/)])
    expect([text, said.at(-1)]).not.toEqual([text, 'done'])
  }
  // A setting for later transactions of the connection must not last: each begins READ ONLY again.
  if (name === 'borrowed') return
  await withSession(name, session => session.query('select opens_session()'))
  expect(
    await withSession(name, session => codeOf(session.query(INSERT))).catch(error => error.code),
  ).not.toBe('done')
})

test.each(AUTOCOMMIT)(
  'a function that switches the default of %s costs the connection, by the server’s own word',
  async name => {
    const before = await withSession(
      name,
      async session => (await session.query('select pg_backend_pid() as pid')).rows[0],
    )
    await withSession(name, async session => {
      await session.query('select opens_session()')
      expect(await codeOf(session.query(INSERT))).toBe('25006')
      const after = (await session.query('select pg_backend_pid() as pid')).rows[0]
      expect(after).not.toEqual(before)
    })
    expect(await withSession(name, session => codeOf(session.query(INSERT)))).toBe('25006')
  },
)

test('the same is refused on a session that is lent, by a plain borrower, and in a run that only reads', async () => {
  await engines.scope(async db => {
    const lent = lend(db.own)
    expect(await codeOf(lent.client.query('set transaction read write'))).toBe('EL_TRANSACTION_CONTROL')
    expect(await codeOf(lent.client.query(INSERT))).not.toBe('done')
  })
  await client.query('begin')
  const { knex } = borrow({ connection: () => client, access: 'read' })
  expect(await codeOf(knex.raw('set transaction read write'))).toBe('EL_TRANSACTION_CONTROL')
  expect(await codeOf(knex.raw('begin read write'))).toBe('EL_TRANSACTION_CONTROL')
  expect(await codeOf(knex.raw(INSERT))).toBe('25006')
  await client.query('rollback')
  const run = engines.run(
    async db => {
      expect(await codeOf(db.writer.query('set transaction read write'))).toBe('EL_TRANSACTION_CONTROL')
      return codeOf(db.writer.query(INSERT))
    },
    { readOnly: true },
  )
  expect(await codeOf(run)).not.toBe('done')
})

test('what reads is sent, and an engine that writes sets what it likes', async () => {
  await withSession('own', async session => {
    await session.query('set transaction isolation level repeatable read')
    await session.query("set local statement_timeout = '3s'; select 1")
    expect((await session.query('show transaction_read_only')).rows).toEqual([
      { transaction_read_only: 'on' },
    ])
  })
  await engines.scope(async db => {
    await db.writer.query('set transaction read only')
    await db.rollback()
    await db.writer.query('set transaction read write')
    await db.writer.query(INSERT)
    await db.rollback()
  })
})
