import knexFactory from 'knex'
import net from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createEngines, engine, EnginelightError } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
let silent: net.Server
/** A server that accepts and never answers, and an address without a server. */
const away = { silent: '', nobody: '' }
beforeAll(async () => {
  database = await createDatabase()
  silent = net.createServer(socket => void socket.on('error', () => {})).listen(0, '127.0.0.1')
  const other = net.createServer().listen(0, '127.0.0.1')
  await Promise.all([silent, other].map(one => new Promise(resolve => one.once('listening', resolve))))
  const at = (server: net.Server) => {
    const url = new URL(database.url)
    url.port = String((server.address() as net.AddressInfo).port)
    return url.href
  }
  away.silent = at(silent)
  away.nobody = at(other)
  other.close()
})
afterEach(() => expectQuiet(database))
afterAll(async () => {
  silent.close()
  await database.drop()
})

type Told = Error & { code?: string }

async function warned(run: () => Promise<unknown>): Promise<Told[]> {
  const told: Told[] = []
  // Not what an earlier file of this process left to be warned of.
  const listener = (warning: Told) => void (warning.code?.startsWith('EL_CHECKOUT') && told.push(warning))
  process.on('warning', listener)
  await run()
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', listener)
  return told
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('nothing failed'),
    (error: unknown) => error as Error,
  )

/** The ways to use the application's own pool: each takes a connection, or waits for one that is held. */
const WAYS = {
  knex(url: string) {
    const knex = knexFactory({
      client: 'pg',
      connection: url,
      pool: { min: 0, max: 1, createTimeoutMillis: 150 },
      acquireConnectionTimeout: 120,
      log: { warn() {} },
    })
    return {
      engine: engine()({ knex, checkoutTimeoutMs: 100 }),
      ask: () => knex.raw('select 1'),
      hold: async () => {
        const trx = await knex.transaction()
        await trx.raw('select 1')
        return () => trx.rollback()
      },
      says: /^Knex: Timeout acquiring a connection/,
      end: () => knex.destroy(),
    }
  },
  'pg.Pool by promise': (url: string) => ofPool(url, pool => pool.connect()),
  'pg.Pool by callback': (url: string) =>
    ofPool(
      url,
      pool =>
        new Promise((resolve, reject) => {
          pool.connect((error, client) => (error ? reject(error) : resolve(client)))
        }),
    ),
  'pool.query': (url: string) => ofPool(url, pool => pool.query('select 1')),
}

function ofPool(url: string, ask: (pool: pg.Pool) => Promise<unknown>) {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 120 })
  pool.on('error', () => {})
  return {
    engine: engine()({ pool, checkoutTimeoutMs: 100 }),
    ask: () => ask(pool),
    hold: async () => {
      const client = await pool.connect()
      await client.query('begin')
      return async () => {
        await client.query('rollback')
        client.release()
      }
    },
    says: /^timeout exceeded when trying to connect$|^Connection terminated due to connection timeout$/,
    end: () => pool.end(),
  }
}

const ways = Object.entries(WAYS)

const called = (what: string, name: string) => `${what}_${name.replaceAll(/\W/g, '_')}`

test.each(ways)(
  '%s: who holds the connections is a warning and a cause, once in a storm',
  async (name, open) => {
    const way = open(database.url)
    await using engines = createEngines({ [called('full', name)]: way.engine })
    const release = await engines.scope(async (): Promise<() => unknown> => way.hold(), {
      label: 'the holder',
    })
    let error = new Error()
    const told = await warned(async () => {
      ;[error] = (await Promise.all(Array.from({ length: 20 }, () => failure(way.ask())))) as [Error]
    })
    expect(error).not.toBeInstanceOf(EnginelightError)
    expect(error.message).toMatch(way.says)
    const chain = [error, error.cause, (error.cause as Error | undefined)?.cause]
    expect(chain).toContainEqual(
      expect.objectContaining({
        code: 'EL_CHECKOUT_TIMEOUT',
        holders: [expect.objectContaining({ requestLabel: 'the holder' })],
      }),
    )
    expect(told.map(({ code }) => code)).toEqual(['EL_CHECKOUT_TIMEOUT'])
    expect(told[0]?.message).toMatch(
      /1 of 1 connections .* are held .* the holder \(u\d+, c\d+, pid \d+\) for .* idle in transaction .*explained-timeout\.test\.ts:\d+/,
    )
    await release()
    await engines.close()
    await way.end()
  },
)

test.each(ways)(
  '%s: a server that does not answer is no full pool, plain and by a session',
  async (name, open) => {
    const way = open(away.silent)
    await using engines = createEngines({ [called('away', name)]: way.engine })
    const errors: Error[] = []
    const told = await warned(async () => {
      errors.push(...(await Promise.all([failure(way.ask()), failure(way.ask())])))
    })
    for (const error of errors) expect(error.message).toMatch(way.says)
    for (const { code, message } of told) {
      expect(code).toBe('EL_CHECKOUT_FAILED')
      expect(message).toMatch(/could not open a connection/)
      expect(message).not.toMatch(/held/)
    }
    const sessions = await Promise.all(
      [1, 2].map(() => failure(engines.scope(db => (db as any)[called('away', name)].query('select 1')))),
    )
    for (const error of sessions) {
      expect(error).toMatchObject({
        code: 'EL_CHECKOUT_FAILED',
        message: expect.stringMatching(/could not open/),
      })
    }
    await engines.close({ graceMs: 50 })
    await way.end()
  },
)

test.each(ways)('%s: where nobody listens that is what a session is told', async (name, open) => {
  const way = open(away.nobody)
  await using engines = createEngines({ [called('none', name)]: way.engine })
  for (const error of [
    await failure(way.ask()),
    (await failure(engines.scope(db => (db as any)[called('none', name)].query('select 1')))).cause as Error,
  ]) {
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  }
  await engines.close({ graceMs: 50 })
  await way.end()
})
