import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import {
  heldOpen,
  NOTES,
  testHost,
  type HostTransaction,
  type OpenTransaction,
} from '../../testing/host-contract.ts'
import { generatePrisma } from '../../testing/prisma-client.ts'
import { borrow } from '../index.ts'
import { connectionOf, watchPool } from './prisma.ts'
import { ending } from '../../testing/ending.ts'

interface Tx {
  note: {
    create(args: { data: { body: string } }): Promise<unknown>
    findMany(args?: { orderBy: { body: 'asc' } }): Promise<{ body: string }[]>
  }
  $queryRawUnsafe(query: string): Promise<any>
  $transaction<T>(work: (tx: Tx) => Promise<T>, options?: object): Promise<T>
}
type Prisma = Tx & { $disconnect(): Promise<void> }

const MODELS = `
  model Note {
    id   Int    @id @default(autoincrement())
    body String @unique
    @@map("notes")
  }
`

let made: Awaited<ReturnType<typeof generatePrisma>>
beforeAll(async () => void (made = await generatePrisma(MODELS)))
afterAll(() => made.remove())

const prismaOn = (pool: pg.Pool) => new made.PrismaClient({ adapter: new PrismaPg(pool) }) as Prisma
const poolOf = ({ url }: TestDatabase) => watchPool(new pg.Pool({ connectionString: url, max: 2 }))

const over = (tx: Tx): HostTransaction => ({
  connection: () => connectionOf(tx),
  insert: body => tx.note.create({ data: { body } }),
  bodies: async () => (await tx.note.findMany({ orderBy: { body: 'asc' } })).map(({ body }) => body),
  pid: async () => (await tx.$queryRawUnsafe('select pg_backend_pid() pid'))[0].pid,
  nested: work => tx.$transaction(inner => work(over(inner))),
})

testHost({
  name: 'Prisma 7',
  async open(database) {
    const pool = poolOf(database)
    const prisma = prismaOn(pool)
    return {
      pool,
      async begin(): Promise<OpenTransaction> {
        const { tx, ...end } = await heldOpen<Tx>(work => prisma.$transaction(work, { timeout: 20_000 }))
        return { ...over(tx), ...end }
      },
      async close() {
        await prisma.$disconnect()
        await pool.end()
      },
    }
  },
})

describe('connectionOf of Prisma', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let prisma: Prisma
  beforeAll(async () => {
    database = await createDatabase(NOTES)
    pool = poolOf(database)
    prisma = prismaOn(pool)
  })
  afterAll(async () => {
    await prisma.$disconnect()
    await pool.end()
    await database.drop()
  })

  test('its backend is asked for once', async () => {
    await prisma.$transaction(async tx => {
      const { knex } = borrow({ connection: () => connectionOf(tx) })
      const client = (await connectionOf(tx)) as pg.PoolClient
      const texts: string[] = []
      const { query } = client
      client.query = function (this: pg.PoolClient, config: string | { text: string }, ...rest: unknown[]) {
        texts.push(typeof config === 'string' ? config : config.text)
        return Reflect.apply(query, this, [config, ...rest])
      } as never
      await knex('notes')
      await knex('notes')
      Reflect.deleteProperty(client, 'query')
      expect(texts.filter(text => text?.includes('pg_backend_pid'))).toEqual([])
    })
  })

  test('Prisma sends at once what is asked for at once, and all of it waits for our savepoint', async () => {
    await prisma.$transaction(async tx => {
      const { knex } = borrow({ connection: () => connectionOf(tx) })
      const rows = Array.from({ length: 10 }, (_, at) => ({ data: { body: `at once ${at}` } }))
      const [, failed] = await Promise.all([
        Promise.all(rows.map(row => tx.note.create(row))),
        knex('nowhere').catch((error: unknown) => error),
        knex('notes').insert({ body: 'ours' }),
      ])
      expect(failed).toMatchObject({ code: '42P01' })
      expect(await tx.note.findMany()).toHaveLength(11)
    })
    expect(await database.admin('select 1 from notes')).toHaveLength(11)
  })

  test('a transaction that Prisma has given up, one that has failed, and what is none', async () => {
    let late: Tx | undefined
    await prisma.$transaction(async tx => void (late = tx))
    await expect(connectionOf(late!)).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
    await prisma
      .$transaction(async tx => {
        await tx.$queryRawUnsafe('select 1/0').catch(() => {})
        await expect(connectionOf(tx)).rejects.toMatchObject({ code: 'EL_HOST_TRANSACTION_FAILED' })
        throw new Error('back')
      })
      .catch(() => {})
    await expect(connectionOf(prisma)).rejects.toThrow(/given a PrismaClient.*give the tx of \$transaction/)
    await expect(connectionOf({} as never)).rejects.toThrow(/given no transaction client of Prisma/)
  })

  test('a pool that is not watched is named, with what to do', async () => {
    await using unwatched = ending(new pg.Pool({ connectionString: database.url, max: 1 }))
    const other = prismaOn(unwatched)
    await other.$transaction(async tx => {
      await expect(connectionOf(tx)).rejects.toThrow(
        /Give Prisma a pg\.Pool that is watched before its first use/,
      )
      await expect(connectionOf(tx, { pool: unwatched })).rejects.toThrow(/is not watched/)
    })
    await other.$disconnect()
  })
})
