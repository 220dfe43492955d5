import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import knexFactory, { type Knex } from 'knex'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { observe } from '../channels/channels.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { ending } from '../testing/ending.ts'

let database: TestDatabase
/** The engines that the requests belong to. Their own pool opens no connection here. */
let app: ReturnType<typeof open>
const open = () => createEngines({ main: engine()({ connection: database.url }) })

beforeAll(async () => {
  database = await createDatabase()
  app = open()
})
afterAll(async () => {
  await app.close()
  await database.drop()
})

const store = new AsyncLocalStorage<string>()

/** What code sees where it runs: the application's store, and its request's container. */
function look(): string {
  let request: string
  try {
    request = app.current.info.requestId
  } catch (error) {
    request = (error as { code: string }).code
  }
  return `${store.getStore() ?? 'no store'}, ${request}`
}

const inRequest = <T>(name: string, work: () => Promise<T>): Promise<T> =>
  store.run(name, () => app.scope(work))

/** Adds what is seen to a list. */
type See = () => void
type Way<Source> = (source: Source, see: See) => Promise<unknown>

const called = (start: (done: () => void) => void, see: See) =>
  new Promise<void>(resolve => start(() => (see(), resolve())))

const withClient = async <T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

const ROWS = 'select n from generate_series(1, 300) n'

function readAll(
  stream: NodeJS.ReadableStream,
  see: See,
  events = ['data', 'end', 'close'],
): Promise<unknown> {
  const seen = new Set<string>()
  for (const event of events) {
    stream.on(event, () => {
      if (!seen.has(event)) see()
      seen.add(event)
    })
  }
  return new Promise(resolve => stream.on('close', resolve))
}

const POOL_WAYS: Record<string, Way<pg.Pool>> = {
  'pool.query(text, callback)': (pool, see) => called(done => pool.query('select 1', done), see),
  'pool.query(text, values, callback)': (pool, see) =>
    called(done => pool.query('select $1::int', [1], done), see),
  'pool.query(config, callback) that fails': (pool, see) =>
    called(done => pool.query({ text: 'selec' }, done), see),
  'pool.query whose backend dies': (pool, see) =>
    called(done => pool.query('select pg_terminate_backend(pg_backend_pid())', done), see),
  'pool.query, promised': (pool, see) => pool.query('select 1').then(see),
  'pool.query in the callback of pool.query': (pool, see) =>
    called(done => pool.query('select 1', () => pool.query('select 1', done)), see),
  'pool.connect(callback)': (pool, see) =>
    called(
      done =>
        pool.connect((_error, _client, release) => {
          done()
          release()
        }),
      see,
    ),
  'pool.connect, promised': (pool, see) => withClient(pool, async () => see()),
  'client.query(text, callback)': (pool, see) =>
    withClient(pool, client => called(done => client.query('select 1', done), see)),
  'client.query(text, values, callback)': (pool, see) =>
    withClient(pool, client => called(done => client.query('select $1::int', [1], done), see)),
  'client.query({ callback })': (pool, see) =>
    withClient(pool, client =>
      called(callback => client.query({ text: 'select 1', callback } as never), see),
    ),
  'client.query, promised': (pool, see) =>
    withClient(pool, client =>
      client
        .query('selec')
        .catch(() => {})
        .then(see),
    ),
  'client.query in the callback of pool.connect': (pool, see) =>
    called(
      done =>
        pool.connect((_error, client, release) => {
          client?.query('select 1', () => {
            done()
            release()
          })
        }),
      see,
    ),
  'the events and the callback of a pg.Query': (pool, see) =>
    withClient(pool, async client => {
      const query = new pg.Query('select 1', see as never)
      for (const event of ['row', 'end'] as const) query.on(event as 'end', see)
      client.query(query)
      await once(query, 'end')
    }),
  'cursor.read(count, callback) and its rows': (pool, see) =>
    withClient(pool, async client => {
      const cursor = client.query(new Cursor(ROWS))
      cursor.once('row', see)
      await called(done => cursor.read(2, done), see)
      await called(done => cursor.close(done), see)
    }),
  'cursor.read, promised': (pool, see) =>
    withClient(pool, async client => {
      const cursor = client.query(new Cursor(ROWS))
      await cursor.read(500).then(see)
      await cursor.close().then(see)
    }),
  'a stream': (pool, see) => withClient(pool, client => readAll(client.query(new QueryStream(ROWS)), see)),
  'a stream that is closed early': (pool, see) =>
    withClient(pool, async client => {
      const stream = client.query(new QueryStream(ROWS, [], { batchSize: 2 }))
      stream.once('data', () => stream.destroy())
      await readAll(stream, see, ['data', 'close'])
    }),
  'a stream that fails': (pool, see) =>
    withClient(pool, client => {
      const stream = client.query(new QueryStream('select 1 / (n - 2) from generate_series(1, 3) n'))
      return readAll(stream.resume(), see, ['error', 'close'])
    }),
  'a stream that is piped': (pool, see) =>
    withClient(pool, client => {
      const outlet = new PassThrough({ objectMode: true })
      client.query(new QueryStream(ROWS)).pipe(outlet)
      return readAll(outlet, see)
    }),
  'a listener of a client': (pool, see) =>
    withClient(pool, async client => {
      const listener = () => see()
      client.on('notice', listener)
      await client.query(`do $$ begin raise notice 'n'; end $$`)
      client.off('notice', listener)
      client.prependOnceListener('notification', see)
      await client.query('listen bell')
      await client.query('notify bell')
      await client.query('notify bell')
    }),
  'the end of a client': async (pool, see) => {
    const client = await pool.connect()
    client.on('error', see)
    const over = called(done => client.once('end', done), see)
    client.query('select pg_terminate_backend(pg_backend_pid())').catch(() => {})
    await over
    client.release(true)
  },
  'client.end(callback) and pool.end(callback)': async (pool, see) => {
    const client = await pool.connect()
    await called(done => (client as unknown as pg.Client).end(done), see)
    client.release(true)
    await called(done => void pool.end(done), see)
  },
  'listeners of a pool': async (pool, see) => {
    const events = ['acquire', 'release', 'remove', 'connect'] as const
    for (const event of events) pool.once(event as 'connect', see)
    ;(await pool.connect()).release(true)
    await pool.query('select 1')
    for (const event of events) pool.removeAllListeners(event)
  },
}

const KNEX_WAYS: Record<string, Way<Knex>> = {
  'a builder': (knex, see) => knex('pg_class').limit(1).then(see),
  'a builder that fails': (knex, see) => knex('nope').catch(see),
  asCallback: (knex, see) =>
    called(
      done =>
        void knex('pg_class')
          .limit(1)
          .asCallback(done)
          .catch(() => {}),
      see,
    ),
  'knex.raw': (knex, see) => knex.raw('select 1').then(see),
  '.stream()': (knex, see) => readAll(knex.raw(ROWS).stream(), see),
  '.stream(handler)': async (knex, see) => {
    let read: Promise<unknown> | undefined
    await knex.raw(ROWS).stream(stream => void (read = readAll(stream, see)))
    await read
  },
  '.stream() that fails': (knex, see) => {
    const stream = knex.raw('select 1 / (n - 2) from generate_series(1, 3) n').stream().resume()
    return called(done => stream.on('error', done), see)
  },
  '.pipe()': (knex, see) => {
    const outlet = new PassThrough({ objectMode: true })
    knex.raw(ROWS).pipe(outlet)
    return readAll(outlet, see)
  },
  'a transaction': (knex, see) =>
    knex.transaction(async trx => {
      see()
      await trx.raw('select 1').then(see)
      await readAll(trx.raw(ROWS).stream(), see)
    }),
  'events of a builder': (knex, see) =>
    knex.raw('select 1').on('query', see).on('query-response', see).then(see),
  'events of knex, of whoever sends': async (knex, see) => {
    const events = ['start', 'query', 'query-response', 'query-error'] as const
    for (const event of events) knex.on(event, see)
    await knex('pg_class').limit(1)
    await knex('nope').catch(() => {})
    await knex.transaction(trx => trx.raw('select 1'))
    for (const event of events) knex.removeListener(event, see)
  },
  'a callback on a connection of its pool': async (knex, see) => {
    const client = knex.client as {
      acquireConnection(): Promise<pg.Client>
      releaseConnection(connection: pg.Client): unknown
    }
    const connection = await client.acquireConnection()
    connection.once('notice', see)
    await called(done => connection.query(`do $$ begin raise notice 'n'; end $$`, done), see)
    client.releaseConnection(connection)
  },
  'listeners of its pool': async (knex, see) => {
    const { pool } = knex.client as { pool: Pick<NodeJS.EventEmitter, 'on' | 'removeListener'> }
    const events = ['acquireRequest', 'acquireSuccess', 'release']
    for (const event of events) pool.on(event, see)
    await knex.raw('select 1')
    for (const event of events) pool.removeListener(event, see)
  },
}

interface Ground<Source> {
  readonly source: Source
  use(): Promise<unknown>
  watch(): { close(): Promise<unknown> }
  end(): Promise<unknown>
}

function poolGround(): Ground<pg.Pool> {
  const source = new pg.Pool({ connectionString: database.url, max: 1 })
  source.on('error', () => {})
  return {
    source,
    use: () => source.query('select 1'),
    watch: () => createEngines({ given: engine()({ pool: source }) }),
    end: async () => (source.ending ? undefined : source.end()),
  }
}

function knexGround(): Ground<Knex> {
  const source = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } })
  return {
    source,
    use: () => source.raw('select 1'),
    watch: () => createEngines({ given: engine()({ knex: source }) }),
    end: () => source.destroy(),
  }
}

const SOCKETS = ['another request', 'another request, before it was watched', 'the same request'] as const

/**
 * One request opens the socket and another uses it, while the first one goes on. Returns what was seen and what was
 * expected.
 */
async function go<Source>(
  { source, use, watch, end }: Ground<Source>,
  opener: (typeof SOCKETS)[number],
  way: Way<Source>,
): Promise<{ found: string[]; own: string }> {
  let engines = opener === 'another request, before it was watched' ? undefined : watch()
  let isDone = () => {}
  const done = new Promise<void>(resolve => (isDone = resolve))
  let isOpen = () => {}
  const opened = new Promise<void>(resolve => (isOpen = resolve))
  const other = inRequest('other', async () => {
    if (opener !== 'the same request') await use()
    isOpen()
    await done
  })
  await opened
  engines ??= watch()
  const found: string[] = []
  const own = await inRequest('own', async () => {
    await way(source, () => void found.push(look()))
    return look()
  })
  isDone()
  await other
  await engines.close()
  await end()
  return { found, own }
}

const both = (ways: object) => SOCKETS.flatMap(opener => Object.keys(ways).map(way => [way, opener] as const))

test.each(both(POOL_WAYS))(
  'on a pg.Pool, %s is the caller’s on a socket opened by %s',
  async (way, opener) => {
    const { found, own } = await go(poolGround(), opener, POOL_WAYS[way] as Way<pg.Pool>)
    expect(found.length).toBeGreaterThan(0)
    expect(new Set(found)).toEqual(new Set([own]))
  },
)

test.each(both(KNEX_WAYS))('on a knex, %s is the caller’s on a socket opened by %s', async (way, opener) => {
  const { found, own } = await go(knexGround(), opener, KNEX_WAYS[way] as Way<Knex>)
  expect(found.length).toBeGreaterThan(0)
  expect(new Set(found)).toEqual(new Set([own]))
})

test('who waits for a connection is served in a context of his own, whoever releases it', async () => {
  const { source: pool, watch, end } = poolGround()
  const engines = watch()
  const found: [string, string][] = []
  const told: string[] = []
  const sent = observe('enginelight:statement', message => {
    if (message.phase === 'start') told.push(`${message.text} in ${look()}, ${message.request}`)
  })
  const ask = (number: number) =>
    inRequest(`r${number}`, async () => {
      const own = look()
      const see = () => void found.push([own, look()])
      await new Promise<void>(resolve =>
        pool.connect((_error, client, release) => {
          see()
          client?.query(`select ${number}`, () => {
            see()
            pool.query(`select ${number}`, () => (see(), resolve()))
            release()
          })
        }),
      )
      return own
    })
  const owns = await Promise.all([1, 2, 3, 4].map(ask))
  sent()
  expect(found).toHaveLength(12)
  for (const [own, saw] of found) expect(saw).toBe(own)
  // An observer runs in the caller's context: the span that is active there is the parent.
  const expected = owns.map((own, at) => `select ${at + 1} in ${own}, ${own.split(', ')[1]}`)
  expect(told.toSorted()).toEqual([...expected, ...expected].toSorted())
  await engines.close()
  await end()
})

test('what was there before us runs in no request, and leaves the stores of the application', async () => {
  const { source: pool, watch, end } = poolGround()
  const found: Record<string, string> = {}
  const see = (name: string) => () => void (found[name] ??= look())
  for (const event of ['acquire', 'release', 'remove']) pool.on(event as 'acquire', see(event))
  const held = await inRequest('other', async () => {
    const client = await pool.connect()
    client.on('notice', see('notice'))
    client.query('select pg_sleep(0.1)', see('callback'))
    pool.connect((_error, _client, release) => {
      see('waiter')()
      release(true)
    })
    await sleep(1)
    for (const name in found) delete found[name]
    return { client, engines: watch() }
  })
  await inRequest('own', async () => {
    await held.client.query(`do $$ begin raise notice 'n'; end $$`)
    held.client.release()
    await pool.query('select 1')
  })
  await expect.poll(() => found.remove).toBeDefined()
  expect(Object.keys(found).toSorted()).toEqual([
    'acquire',
    'callback',
    'notice',
    'release',
    'remove',
    'waiter',
  ])
  for (const [name, saw] of Object.entries(found)) expect(saw, name).toMatch(/, EL_NO_SCOPE$/)
  expect(found.notice).toBe('other, EL_NO_SCOPE')
  await held.engines.close()
  await end()
})

test('a socket is opened in the context of createEngines, whoever needed it first', async () => {
  const { source: pool, end } = poolGround()
  await using knex = ending(knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } }))
  const engines = store.run('boot', () =>
    createEngines({ pool: engine()({ pool }), knex: engine()({ knex, default: true }) }),
  )
  /** The protocol's own emitter, which is never bound. */
  const heardOn = async (client: { connection?: EventEmitter }, use: () => unknown) => {
    const heard = new Promise<string>(resolve =>
      client.connection?.once('readyForQuery', () => resolve(look())),
    )
    await use()
    return heard
  }
  await inRequest('own', async () => {
    const client = await pool.connect()
    expect(await heardOn(client as never, () => client.query('select 1'))).toBe('boot, EL_NO_SCOPE')
    client.release()
    const trx = await knex.transaction()
    const [held] = (knex.client as { pool: { used: { resource: object }[] } }).pool.used
    expect(await heardOn(held?.resource as never, () => trx.rollback())).toBe('boot, EL_NO_SCOPE')
  })
  await engines.close()
  await end()
})

test('a connection of a knex is made and checked in the context of createEngines, and its pool tells of it in that of each listener', async () => {
  const found: string[] = []
  const knex = knexFactory({
    client: 'pg',
    connection: database.url,
    pool: {
      min: 0,
      max: 1,
      afterCreate(connection: pg.Client, done: (error: Error | null, connection: pg.Client) => void) {
        found.push(look())
        connection.query('select 1', () => {
          found.push(look())
          done(null, connection)
        })
      },
      validate: () => (found.push(look()), true),
    } as Knex.PoolConfig,
  })
  const engines = store.run('boot', () => createEngines({ given: engine()({ knex }) }))
  const told: string[] = []
  const { pool } = knex.client as { pool: Pick<NodeJS.EventEmitter, 'on'> }
  store.run('listener', () => {
    for (const event of ['createSuccess', 'release']) pool.on(event, () => void told.push(look()))
  })
  await inRequest('own', () => knex.raw('select 1'))
  await inRequest('own', () => knex.raw('select 1'))
  expect(told).toEqual(Array.from({ length: 3 }, () => 'listener, EL_NO_SCOPE'))
  expect(found.length).toBeGreaterThan(2)
  expect(new Set(found)).toEqual(new Set(['boot, EL_NO_SCOPE']))
  await engines.close()
  await knex.destroy()
})

test('a listener stays the application’s: it is found, counted and removed as without us', async () => {
  const { source: pool, watch, end } = poolGround()
  const client = await pool.connect()
  const before = () => {}
  client.on('notice', before)
  const engines = watch()
  const found: string[] = []
  const listener = () => void found.push(store.getStore() ?? 'none')
  const say = async (work: () => unknown) => {
    found.length = 0
    await work()
    await client.query(`do $$ begin raise notice 'n'; end $$`)
    return found.join()
  }
  expect(await say(() => store.run('a', () => client.on('notice', listener)))).toBe('a')
  expect(await say(() => store.run('b', () => client.addListener('notice', listener)))).toBe('a,b')
  expect(await say(() => store.run('c', () => client.prependListener('notice', listener)))).toBe('c,a,b')
  expect(client.listeners('notice')).toEqual([listener, before, listener, listener])
  expect(client.rawListeners('notice')).toEqual([listener, before, listener, listener])
  expect(client.listenerCount('notice')).toBe(4)
  // Node removes the registration that is last in the list.
  expect(await say(() => client.off('notice', listener))).toBe('c,a')
  expect(await say(() => store.run('d', () => client.on('notice', listener)))).toBe('c,a,d')
  expect(await say(() => client.removeAllListeners('notice'))).toBe('')
  expect(await say(() => store.run('e', () => client.once('notice', listener)))).toBe('e')
  expect(client.listenerCount('notice')).toBe(0)
  store.run('f', () => client.once('notice', listener))
  expect(client.listeners('notice')).toEqual([listener])
  expect(client.rawListeners('notice')).not.toEqual([listener])
  expect(await say(() => client.removeListener('notice', listener))).toBe('')
  await engines.close()
  expect(await say(() => store.run('g', () => client.on('notice', listener)))).not.toBe('')
  client.release()
  await end()
})

test('an error that nobody hears is thrown, and that of an async listener goes where Node sends it', async () => {
  EventEmitter.captureRejections = true
  const capturing = new pg.Pool({ connectionString: database.url, max: 1 })
  EventEmitter.captureRejections = false
  await using pool = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
  await using _engines = createEngines({
    given: engine()({ pool }),
    capturing: engine()({ pool: capturing }),
  })
  capturing.on('acquire', async () => {
    await sleep(1)
    throw new Error('late')
  })
  const captured = once(capturing, 'error')
  await capturing.query('select 1')
  expect(await captured).toMatchObject([{ message: 'late' }])
  await capturing.end()
  const client = await pool.connect()
  expect(() => client.emit('error', new Error('unheard'))).toThrow('unheard')
  client.on('error', () => {})
  client.off('error', client.listeners('error')[0] as () => void)
  expect(() => client.emit('error', new Error('no longer heard'))).toThrow('no longer heard')
  client.once('error', () => {
    throw new Error('by a listener')
  })
  expect(() => client.emit('error', new Error('heard'))).toThrow('by a listener')
  client.release()
})

test('close() takes it off again: what is sent and heard after it is the driver’s alone', async () => {
  const { source: pool, watch, end } = poolGround()
  await watch().close()
  await inRequest('other', () => pool.query('select 1'))
  const found: string[] = []
  await inRequest('own', () =>
    called(
      done => pool.query('select 1', done),
      () => found.push(look()),
    ),
  )
  expect(found[0]).toMatch(/^other, EL_ENDED|^other, u/)
  await sleep(1)
  await end()
  await expectBackends(database, 0)
})
