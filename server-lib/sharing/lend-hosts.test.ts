import 'reflect-metadata'
import { EntitySchema as MikroSchema, MikroORM } from '@mikro-orm/postgresql'
import { PrismaPg } from '@prisma/adapter-pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect, type Generated } from 'kysely'
import knex, { type Knex } from 'knex'
import { Model } from 'objection'
import pg from 'pg'
import { DataTypes, Sequelize } from 'sequelize'
import { DataSource, EntitySchema } from 'typeorm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEngines, engine, type Session } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { generatePrisma } from '../testing/prisma-client.ts'
import { listen } from '../testing/story.ts'
import { lend } from './index.ts'

/** The work of a test, as each library does it. */
interface Host {
  insert(name: string): Promise<unknown>
  transaction(work: (tx: Transaction) => Promise<unknown>): Promise<unknown>
  /** Ends the library as its users do, and with it the pool that it was given. */
  close(): Promise<unknown>
}

interface Transaction {
  insert(name: string): Promise<unknown>
  nested(work: (tx: Transaction) => Promise<unknown>): Promise<unknown>
}

/**
 * Makes a library on the session that is lent at each moment, like an application with one instance for all requests.
 */
type Make = (lender: () => Session, database: TestDatabase) => Promise<Host>

const hosts: Record<string, Make> = {
  async pg(lender) {
    const { pool } = lend(lender, { Pool: pg.Pool })
    const insertBy = (client: pg.Pool | pg.PoolClient) => (name: string) =>
      client.query('insert into t (name) values ($1)', [name])
    const transactionOf = (client: pg.PoolClient, depth = 1): Transaction => ({
      insert: insertBy(client),
      async nested(work) {
        await client.query(`savepoint s${depth}`)
        await work(transactionOf(client, depth + 1)).catch(async error => {
          await client.query(`rollback to s${depth}`)
          throw error
        })
      },
    })
    return {
      insert: insertBy(pool),
      async transaction(work) {
        const client = await pool.connect()
        try {
          await client.query('begin')
          await work(transactionOf(client))
          await client.query('commit')
        } catch (error) {
          await client.query('rollback')
          throw error
        } finally {
          client.release()
        }
      },
      close: () => pool.end(),
    }
  },

  async drizzle(lender) {
    const t = pgTable('t', { id: serial(), name: text() })
    const db = drizzle(lend(lender, { Pool: pg.Pool }).pool)
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0]
    const transactionOf = (tx: Tx): Transaction => ({
      insert: async name => tx.insert(t).values({ name }),
      nested: work => tx.transaction(inner => work(transactionOf(inner))),
    })
    return {
      insert: async name => db.insert(t).values({ name }),
      transaction: work => db.transaction(tx => work(transactionOf(tx))),
      close: () => db.$client.end(),
    }
  },

  async kysely(lender) {
    const db = new Kysely<{ t: { id: Generated<number>; name: string } }>({
      dialect: new PostgresDialect({ pool: lend(lender, { Pool: pg.Pool }).pool }),
    })
    const insertBy = (by: typeof db) => (name: string) => by.insertInto('t').values({ name }).execute()
    return {
      insert: insertBy(db),
      async transaction(work) {
        const tx = await db.startTransaction().setIsolationLevel('read committed').execute()
        const inner: Transaction = {
          insert: insertBy(tx),
          async nested(deeper) {
            const saved = await tx.savepoint('s').execute()
            await deeper(inner).catch(async error => {
              await saved.rollbackToSavepoint('s').execute()
              throw error
            })
          },
        }
        await work(inner).catch(async error => {
          await tx.rollback().execute()
          throw error
        })
        await tx.commit().execute()
      },
      close: () => db.destroy(),
    }
  },

  async 'objection (the session has a knex)'(lender) {
    class T extends Model {
      static override tableName = 't'
      declare name: string
    }
    return {
      insert: async name => T.query(lender().knex).insert({ name }),
      transaction: work =>
        lender().knex.transaction(trx => {
          const transactionOf = (by: typeof trx): Transaction => ({
            insert: async name => T.query(by).insert({ name }),
            nested: deeper => by.transaction(inner => deeper(transactionOf(inner))),
          })
          return work(transactionOf(trx))
        }),
      close: () => lender().knex.destroy(),
    }
  },

  async knex(lender) {
    const own = knex({
      client: 'pg',
      connectionPool: lend(lender, { Pool: pg.Pool }).pool,
      version: '18.0',
      // It logs by itself that a session has ended.
      log: { warn() {} },
    } as never)
    const transactionOf = (by: Knex.Transaction): Transaction => ({
      insert: async name => by('t').insert({ name }),
      nested: deeper => by.transaction(inner => deeper(transactionOf(inner))),
    })
    return {
      insert: async name => own('t').insert({ name }),
      transaction: work => own.transaction(trx => work(transactionOf(trx))),
      close: () => own.destroy(),
    }
  },

  async typeorm(lender) {
    const { pool } = lend(lender, { Pool: pg.Pool })
    const T = new EntitySchema<{ id: number; name: string }>({
      name: 't',
      columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
    })
    class Pool {
      constructor() {
        // oxlint-disable-next-line no-constructor-return
        return pool
      }
    }
    const source = new DataSource({ type: 'postgres', entities: [T], driver: { ...pg, Pool } })
    await source.initialize()
    type Manager = typeof source.manager
    const transactionOf = (manager: Manager): Transaction => ({
      insert: name => manager.save(T, { name }),
      nested: work => manager.transaction(inner => work(transactionOf(inner))),
    })
    return {
      insert: name => source.manager.insert(T, { name }),
      transaction: work => source.transaction(manager => work(transactionOf(manager))),
      close: () => source.destroy(),
    }
  },

  async prisma(lender) {
    interface Client {
      t: { create(args: { data: { name: string } }): Promise<unknown> }
      $transaction(work: (tx: Client) => Promise<unknown>, options?: object): Promise<unknown>
      $executeRawUnsafe(text: string): Promise<unknown>
      $disconnect(): Promise<void>
    }
    const made = await generatePrisma(`
      model T {
        id   Int     @id @default(autoincrement())
        name String?
        @@map("t")
      }`)
    const { pool } = lend(lender, { Pool: pg.Pool })
    const adapter = new PrismaPg(pool, { disposeExternalPool: true })
    const prisma = new made.PrismaClient({ adapter }) as Client
    const insertBy = (by: Client) => (name: string) => by.t.create({ data: { name } })
    return {
      insert: insertBy(prisma),
      transaction: work =>
        prisma.$transaction(
          tx => {
            const inner: Transaction = {
              insert: insertBy(tx),
              async nested(deeper) {
                await tx.$executeRawUnsafe('savepoint s')
                await deeper(inner).catch(async error => {
                  await tx.$executeRawUnsafe('rollback to s')
                  throw error
                })
              },
            }
            return work(inner)
          },
          { isolationLevel: 'ReadCommitted' },
        ),
      async close() {
        await prisma.$disconnect()
        await made.remove()
      },
    }
  },

  async sequelize(lender) {
    const { pool } = lend(lender, { Pool: pg.Pool })
    const sequelize = new Sequelize({ dialect: 'postgres', logging: false })
    const T = sequelize.define('t', { name: DataTypes.TEXT }, { tableName: 't', timestamps: false })
    // Its own pool opens connections, with settings for each; this replaces it.
    Object.assign((sequelize as unknown as { connectionManager: object }).connectionManager, {
      getConnection: () => pool.connect(),
      releaseConnection: (client: pg.PoolClient) => client.release(),
      destroyConnection: async (client: pg.PoolClient) => client.release(),
    })
    return {
      insert: name => T.create({ name }),
      transaction: work =>
        sequelize.transaction(transaction => {
          const transactionOf = (by: typeof transaction): Transaction => ({
            insert: name => T.create({ name }, { transaction: by }),
            nested: deeper =>
              sequelize.transaction({ transaction: by }, inner => deeper(transactionOf(inner))),
          })
          return work(transactionOf(transaction))
        }),
      close: () => sequelize.close(),
    }
  },

  async mikroOrm(lender) {
    const { pool } = lend(lender, { Pool: pg.Pool })
    const T = new MikroSchema<{ id: number; name: string }>({
      name: 'T',
      tableName: 't',
      properties: { id: { type: 'number', primary: true }, name: { type: 'string' } },
    })
    const orm = await MikroORM.init({ entities: [T], dbName: 'lent', connect: false })
    // Its knex has a pool of its own that opens connections; this replaces it.
    Object.assign(orm.em.getKnex().client as object, {
      acquireConnection: () => pool.connect(),
      releaseConnection: async (connection: pg.PoolClient) => connection.release(),
    })
    type Manager = typeof orm.em
    const transactionOf = (em: Manager): Transaction => ({
      insert: name => em.insert(T, { name } as never),
      nested: work => em.transactional(inner => work(transactionOf(inner as Manager))),
    })
    return {
      insert: name => orm.em.fork().insert(T, { name } as never),
      transaction: work => orm.em.fork().transactional(em => work(transactionOf(em as Manager))),
      close: () => orm.close(),
    }
  },
}

let database: TestDatabase
let engines: ReturnType<typeof open>
let db: ReturnType<typeof engines.open>
let session: Session

const open = () =>
  createEngines({ main: engine()({ connection: database.url, pool: { max: 2 }, checkoutTimeoutMs: 2_000 }) })

beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text unique)')
  engines = open()
})
beforeEach(() => {
  db = engines.open()
  session = db.main as Session
})
afterEach(async () => {
  await db.end()
  await expectQuiet(database)
  await database.admin('truncate t restart identity')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

const outside = async () => (await database.admin('select name from t order by id')).map(row => row.name)
const inside = async () => (await session('t').orderBy('id')).map((row: { name: string }) => row.name)

/** The codes of an error and of its causes. */
function codes(error: unknown): unknown[] {
  const seen: unknown[] = []
  for (
    let one = error as Record<string, any> | undefined;
    one && seen.length < 8;
    one = one.cause ?? one.parent ?? one.driverError
  )
    seen.push(one.code, one.originalCode, one.name)
  return [...seen, String((error as Error)?.message)]
}

test('the line of a Drizzle query that is awaited is known in requests, after the first ones', async () => {
  const { messages, stop } = listen('statement')
  const t = pgTable('t', { id: serial(), name: text() })
  await engines.scope(async ({ main }) => {
    const lent = drizzle(lend(main, { Pool: pg.Pool }).pool)
    for (const name of 'abcd') {
      await lent.insert(t).values({ name })
    }
    await main.commit()
  })
  stop()
  const inserts = messages.filter(
    one => 'text' in one && one.phase === 'start' && one.text.startsWith('insert'),
  )
  expect(inserts).toHaveLength(4)
  expect(inserts.at(-1)).toMatchObject({ site: { label: expect.stringContaining('lend-hosts.test.ts') } })
})

describe.each(Object.entries(hosts))('%s', (name, make) => {
  let host: Host
  beforeAll(async () => {
    const own = engines.open()
    session = own.main as Session
    host = await make(() => session, database)
    await own.end()
  })

  test('its transaction is seen by the session and by nobody outside, and committed by the session alone', async () => {
    const { messages, stop } = listen('statement')
    await session('t').insert({ name: 'ours' })
    await host.transaction(async tx => {
      await tx.insert('theirs')
      expect(await inside()).toEqual(['ours', 'theirs'])
      expect(await outside()).toEqual([])
    })
    expect(await outside()).toEqual([])
    await host.insert('by itself')
    expect(await outside()).toEqual([])
    const { backendPid } = session.identity ?? {}
    await session.commit()
    stop()
    expect(await outside()).toEqual(['ours', 'theirs', 'by itself'])
    expect(backendPid).toBeGreaterThan(0)
    const inserts = messages.filter(
      one => 'text' in one && one.phase === 'start' && /^insert/i.test(one.text),
    )
    expect(inserts).toHaveLength(3)
    const [{ session: id } = {}] = inserts as { session?: string }[]
    expect(id).toMatch(/^s\d+/)
    for (const one of inserts) expect(one).toMatchObject({ engine: 'main', session: id })
    // If a library runs its queries in jobs of its own the line may be unknown, but it is never that of other code.
    const lines = inserts.map(one => JSON.stringify('site' in one ? one.site : null))
    expect(lines[0]).toContain('lend-hosts.test.ts')
    for (const line of lines) expect(line).toMatch(/lend-hosts\.test\.ts|^null$/)
  })

  test('what it rolls back is gone, and the rest is not', async () => {
    await session('t').insert({ name: 'ours' })
    const failing = host.transaction(async tx => {
      await tx.insert('theirs')
      throw new Error('theirs')
    })
    await expect(failing).rejects.toThrow('theirs')
    expect(session.state).toBe('active')
    await host.transaction(async tx => {
      await tx.insert('outer')
      const inner = tx.nested(async deep => {
        await deep.insert('inner')
        throw new Error('inner')
      })
      await expect(inner).rejects.toThrow('inner')
    })
    await session.commit()
    expect(await outside()).toEqual(['ours', 'outer'])
  })

  test("with the session's rollback all is gone", async () => {
    await host.insert('a')
    await host.transaction(tx => tx.insert('b'))
    expect(await inside()).toEqual(['a', 'b'])
    await session.rollback()
    expect(await inside()).toEqual([])
    await session.commit()
    expect(await outside()).toEqual([])
  })

  test('its errors leave the session able to commit', async () => {
    await session('t').insert({ name: 'ours' })
    const inTransaction = host.transaction(async tx => {
      await tx.insert('theirs')
      await tx.insert('ours')
    })
    expect(codes(await inTransaction.catch((error: unknown) => error)).join()).toMatch(
      /23505|P2002|UniqueViolation/,
    )
    expect(session.state).toBe('active')
    if (!name.startsWith('objection')) {
      const alone = host.insert('ours')
      expect(codes(await alone.catch((error: unknown) => error)).join()).toMatch(
        /23505|P2002|UniqueViolation/,
      )
      expect(session.state).toBe('active')
    }
    await session.commit()
    expect(await outside()).toEqual(['ours'])
  })

  test('two transactions of it at once do not mix', async () => {
    const transact = (mark: string, fails: boolean) =>
      host.transaction(async tx => {
        await tx.insert(`${mark}1`)
        await new Promise(resolve => setTimeout(resolve, 5))
        await tx.insert(fails ? `${mark}1` : `${mark}2`)
      })
    const settled = await Promise.allSettled([
      transact('a', true),
      transact('b', false),
      transact('c', true),
      transact('d', false),
      host.insert('e'),
      session.savepoint(() => session('t').insert({ name: 'f' })),
    ])
    expect(settled.map(({ status }) => status[0])).toEqual(['r', 'f', 'r', 'f', 'f', 'f'])
    await session.commit()
    expect((await outside()).toSorted()).toEqual(['b1', 'b2', 'd1', 'd2', 'e', 'f'])
  })

  test('after the end of the session it gets EL_ENDED', async () => {
    await host.insert('a')
    await db.end()
    expect(codes(await host.insert('b').catch((error: unknown) => error)).join()).toMatch(
      /EL_ENDED|has ended/,
    )
    const begin = host.transaction(tx => tx.insert('c')).catch((error: unknown) => error)
    expect(codes(await begin).join()).toMatch(/EL_ENDED|has ended/)
    expect(await outside()).toEqual([])
  })

  test('its end ends nothing', async () => {
    await host.insert('a')
    await host.close()
    await session('t').insert({ name: 'b' })
    await session.commit()
    expect(await outside()).toEqual(['a', 'b'])
  })
})
