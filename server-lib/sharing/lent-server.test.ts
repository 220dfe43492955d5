import { inspect } from 'node:util'
import knexFactory from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { eventually, expectBackends } from '../testing/ground-truth.ts'
import { lend, type Lent } from './index.ts'

let database: TestDatabase
let server: URL
beforeAll(async () => {
  database = await createDatabase()
  server = new URL(database.url)
  // The process environment names another server, which must not be contacted.
  vi.stubEnv('PGHOST', '192.0.2.1')
  vi.stubEnv('PGPORT', '1')
  vi.stubEnv('PGDATABASE', 'elsewhere')
})
afterAll(async () => {
  await expectBackends(database, 0)
  await database.drop()
})

const parts = () => ({
  host: server.hostname,
  port: Number(server.port),
  database: server.pathname.slice(1),
  user: server.username,
})

const SOURCES: Record<string, () => { config: object; end(): Promise<unknown> }> = {
  'a connection string': () => ({ config: { connection: database.url }, end: async () => {} }),
  'a connection in parts': () => ({
    config: { connection: { ...parts(), password: server.password } },
    end: async () => {},
  }),
  'a knex': () => {
    const knex = knexFactory({ client: 'pg', connection: database.url })
    return { config: { knex }, end: () => knex.destroy() }
  },
  'a knex whose settings come later': () => {
    const connection = async () => ({ ...parts(), password: server.password })
    const knex = knexFactory({ client: 'pg', connection })
    return { config: { knex }, end: () => knex.destroy() }
  },
  'a pg.Pool': () => {
    const pool = new pg.Pool({ connectionString: database.url })
    return { config: { pool }, end: () => pool.end() }
  },
}

describe.each(Object.keys(SOURCES))('of an engine on %s', name => {
  test.each([undefined, pg.Pool])(
    'a lent pool and its clients tell their own server (Pool: %s)',
    async Pool => {
      const { config, end } = SOURCES[name]!()
      await using engines = createEngines({ main: engine()(config as never) })
      await engines.scope(async db => {
        const session = db.main as unknown as Session
        await session.query('select 1')
        const { pool, client } = (Pool ? lend(session, { Pool }) : lend(session)) as unknown as Lent
        expect(pool.options).toMatchObject({ ...parts(), max: 1 })
        expect(client).toMatchObject(parts())
        expect(client.connectionParameters).toMatchObject(parts())
        expect(client.processID).toBe(session.identity?.backendPid)
        expect(client.secretKey).toEqual(expect.anything())
        // Like a library that opens a connection of its own to cancel a slow statement.
        const { Client, options } = pool as unknown as { Client: typeof pg.Client; options: pg.ClientConfig }
        const control = new Client({ ...options, password: options.password as string })
        await control.connect()
        let failed: string | undefined
        const slow = client
          .query('select pg_sleep(20)')
          .catch((error: { code?: string }) => void (failed = error.code))
        const cancel = () => control.query('select pg_cancel_backend($1)', [client.processID])
        await eventually(async () => {
          await cancel()
          return failed
        }, '57014')
        await slow
        await control.end()
      })
      await engines.close()
      await end()
    },
  )
})

test('what is secret is in nothing that prints or lists them', async () => {
  const ssl = { ca: 'el_ca', key: 'el_secret_key', passphrase: 'el_secret_passphrase' }
  const url = 'postgres://someone:el_secret_password@db.example:5433/shop'
  for (const config of [
    { connection: url },
    { connection: { host: 'db.example', user: 'someone', password: 'el_secret_password', ssl } },
    { pool: new pg.Pool({ connectionString: url }) },
    { pool: new pg.Pool({ host: 'db.example', user: 'someone', password: 'el_secret_password', ssl }) },
  ]) {
    await using engines = createEngines({ main: engine()(config as never) })
    const db = engines.open()
    const { pool, client } = lend(db.main as unknown as Session)
    expect((pool.options as { password?: unknown }).password).toBe('el_secret_password')
    for (const one of [
      pool,
      pool.options,
      { ...pool.options },
      client,
      client.connectionParameters,
      client.ssl,
    ]) {
      const texts = [
        JSON.stringify(one),
        inspect(one, { depth: 9 }),
        inspect(one, { showHidden: false, getters: true }),
      ]
      for (const text of texts) expect(text).not.toContain('el_secret')
    }
    if ('ssl' in pool.options && pool.options.ssl) expect(pool.options.ssl).toMatchObject(ssl)
    await db.end()
  }
})

test('its numbers are those of a pool of one connection', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  await engines.scope(async db => {
    const { pool } = lend(db.main, { Pool: pg.Pool })
    const counts = () => [pool.totalCount, pool.idleCount, pool.waitingCount]
    expect(counts()).toEqual([1, 1, 0])
    const first = await pool.connect()
    expect(counts()).toEqual([1, 0, 0])
    const second = await pool.connect()
    expect(counts()).toEqual([1, 0, 1])
    second.release()
    second.release()
    expect(counts()).toEqual([1, 0, 0])
    first.release()
    expect(counts()).toEqual([1, 1, 0])
  })
})

test('a library that asks before there is a session has what it asked for when there is one', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url }) })
  const { pool } = lend(() => engines.current.main, { Pool: pg.Pool })
  const { options } = pool
  expect(options.max).toBe(1)
  expect(() => options.host).toThrow(expect.objectContaining({ code: 'EL_NO_SCOPE' }))
  await engines.scope(async () => expect({ ...options }).toMatchObject(parts()))
})
