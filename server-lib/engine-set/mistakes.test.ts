import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { sessions } from '../adapters/express.ts'
import { createEngines, engine } from '../index.ts'
import { borrow, lend } from '../sharing/index.ts'

/** Nothing listens there: these tests must open no connection. */
const url = 'postgres://postgres:secret@127.0.0.1:1/postgres'
const client = new pg.Client(url)
const made = (config: unknown) => createEngines({ main: engine()(config as never) })
const engines = createEngines({
  reader: engine()({ connection: url }),
  writer: engine()({ connection: url, default: true }),
  log: engine()({ connection: url }),
}) as any
const db = engines.open()
afterAll(async () => {
  await db.end()
  await engines.close()
})

const NOT_SET = /is an environment variable not set\?$/

/** Mistakes in plain JavaScript, each with a part of the answer. */
test.each<[string, () => unknown, string | RegExp]>([
  ['connection: undefined', () => made({ connection: undefined, access: 'read', pool: { max: 1 } }), NOT_SET],
  ['connection: undefined', () => made({ connection: undefined }), /"main": connection is undefined/],
  [
    'connection: null',
    () => made({ connection: null }),
    'connection is null: is an environment variable not set?',
  ],
  ['an empty connection', () => made({ connection: '' }), 'connection is an empty text: is an env'],
  [
    'host: undefined',
    () => made({ connection: { host: undefined } }),
    /connection\.host is undefined, and pg would use its default/,
  ],
  ['database: empty', () => made({ connection: { database: '' } }), /connection\.database is an empty text/],
  ['port: NaN', () => made({ connection: { port: Number('x') } }), /connection\.port is NaN/],
  [
    'a template of nothing',
    () => made({ connection: `postgres://u@${String(undefined)}/x` }),
    /the host of connection is "undefined"/,
  ],
  [
    'a template of nothing',
    () => made({ connection: `postgres://u:${String(undefined)}@h/x` }),
    /the password of connection is "undefined"/,
  ],
  ['a URL object', () => made({ connection: new URL(url) }), 'write connection: url.href'],
  ['pool: 10', () => made({ connection: url, pool: 10 }), 'must be an object such as { max: 10 }, not 10'],
  ['pool: null', () => made({ connection: url, pool: null }), 'an object such as { max: 10 }, not null'],
  [
    'pool.maximum',
    () => made({ connection: url, pool: { maximum: 4 } }),
    'no option pool.maximum; there are min, max',
  ],
  ['pool: sizes alone', () => made({ pool: { max: 4 } }), 'sizes of a pool go beside a connection'],
  ['pool: a client', () => made({ pool: client }), 'option pool must be a pg.Pool'],
  [
    'pool: a URL',
    () => made({ pool: url }),
    'option pool must be a pg.Pool, or a function that makes one, not a text',
  ],
  [
    'knex: undefined',
    () => made({ knex: undefined }),
    'knex is undefined: is it imported before it is made?',
  ],
  ['two sources', () => made({ connection: url, knex: knexFactory({ client: 'pg' }) }), 'exactly one of'],
  ['a list', () => made([]), 'needs a config object, not an array'],
  ['a text', () => made(url), 'needs a config object, not a text'],
  [
    'engine({})',
    () => createEngines({ main: (engine as any)({ connection: url }) }),
    'write engine()({ … })',
  ],
  [
    'one engine',
    () => createEngines(engine()({ connection: url }) as never),
    'by their names: createEngines({ main:',
  ],
  ['a list of engines', () => createEngines([engine()({ connection: url })] as never), 'by their names'],
  [
    'prefered',
    () => createEngines({ main: engine()({ connection: url }) }, { prefered: [] } as never),
    'there are application, hot, prefer',
  ],
  [
    'options: null',
    () => createEngines({ main: engine()({ connection: url }) }, null as never),
    'takes its options as an object',
  ],
  [
    'application: 5',
    () => createEngines({ main: engine()({ connection: url }) }, { application: 5 } as never),
    'application must be a text',
  ],
  ['scope()', () => engines.scope(), 'scope() takes a function, which is given db, and not undefined'],
  ['scope(promise)', () => engines.scope(Promise.resolve()), 'scope() takes a function'],
  [
    'scope(fn, label)',
    () => engines.scope(() => {}, 'label'),
    'scope() takes its options as an object with request, signal, label',
  ],
  [
    'scope, lable',
    () => engines.scope(() => {}, { lable: 'x' }),
    'there is no option lable; there are request, signal, label',
  ],
  ['open, signal', () => engines.open({ signal: 5 }), 'open(): option signal must be an AbortSignal, not 5'],
  ['close(500)', () => engines.close(500), 'close() takes its options as an object with graceMs, not 500'],
  ['close, 5s', () => engines.close({ graceMs: '5s' }), /graceMs/],
  [
    'recovery, interval',
    () => engines.recovery({ interval: 5 }),
    'there are everyMs, olderThanMs, keepDecisionsMs',
  ],
  ['stream(5)', () => db.writer.stream(5), 'stream() takes a text with its values, or a builder'],
  ['stream, a value', () => db.writer.stream('select $1', 'x'), 'stream() takes its values as an array'],
  ['savepoint()', () => db.writer.savepoint(), 'savepoint() takes a function, not undefined'],
  [
    'db.savepoint(promise)',
    () => db.savepoint(Promise.resolve()),
    'savepoint() takes a function, not an object',
  ],
  ['afterCommit(5)', () => db.afterCommit(5), 'afterCommit() takes a function, not 5'],
  [
    'sessions(engines, "db")',
    () => sessions(engines, 'db' as never),
    'takes its options as an object, not a text',
  ],
  [
    'sessions(engines, null)',
    () => sessions(engines, null as never),
    'takes its options as an object, not null',
  ],
  [
    'lend(session, null)',
    () => lend(db.writer, null as never),
    'lend() takes its options as an object with transactionControl',
  ],
  [
    'borrow({ connection: client })',
    () => borrow({ connection: client as never }),
    'must be a function that gives the connection',
  ],
])('%s is answered with what to write', async (_name, write, sentence) => {
  const error = await (async () => write())().catch((caught: unknown) => caught)
  expect(error).toMatchObject({ name: 'EnginelightError', code: 'EL_CONFIG' })
  expect((error as Error).message).toMatch(sentence)
  expect((error as Error).message).not.toContain('secret')
})

test('a name that nearly is an engine’s says so; all others are as absent as on any object', () => {
  for (const name of ['wirter', 'writers', 'Writer', 'raeder', 'write', 'lo', 'logg']) {
    expect(() => db[name]).toThrow(
      expect.objectContaining({
        code: 'EL_UNKNOWN_ENGINE',
        message: `There is no engine "${name}"; there are reader, writer, log.`,
      }),
    )
    expect(name in db).toBe(false)
  }
  for (const name of ['then', 'length', 'name', 'nodeType', 'orders', '', 'writerPool', Symbol.iterator])
    expect(db[name]).toBeUndefined()
  expect(String(db)).toBe('[object Object]')
  expect(db).toBeInstanceOf(Object)
  expect(db.hasOwnProperty('writer')).toBe(false)
  expect(Object.keys(db)).toEqual([])
  expect(db.writer.state).toBe('idle')
})
