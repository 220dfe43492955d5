import 'reflect-metadata'
import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/postgresql'
import { expect, test } from 'vitest'
import { NOTES, testHost, type HostTransaction, type OpenTransaction } from '../../testing/host-contract.ts'
import { createDatabase } from '../../testing/database.ts'
import { borrow } from '../index.ts'
import { connectionOf, watchPool } from './mikro-orm.ts'

interface Note {
  id: number
  body: string
}

const NoteSchema = new EntitySchema<Note>({
  name: 'Note',
  tableName: 'notes',
  properties: { id: { type: 'number', primary: true, autoincrement: true }, body: { type: 'string' } },
})

/**
 * Version 7 hides a transaction's client: it is found in its pool, which must be watched. Version 6 has no such option.
 */
const isNewest = process.env.ENGINELIGHT_NEWEST !== undefined

const initialise = (clientUrl: string) =>
  MikroORM.init({
    entities: [NoteSchema],
    clientUrl,
    pool: { min: 0, max: 2 },
    ...(isNewest && { driverOptions: { onPoolCreated: watchPool } as object }),
  })

const over = (em: EntityManager): HostTransaction => ({
  connection: () => connectionOf(em),
  // One EntityManager cannot flush twice at once.
  insert: body => em.insert(NoteSchema, { body }),
  bodies: async () =>
    (await em.fork({ keepTransactionContext: true }).find(NoteSchema, {}, { orderBy: { body: 'asc' } })).map(
      ({ body }) => body,
    ),
  pid: async () => (await em.execute<{ pid: number }[]>('select pg_backend_pid() pid'))[0]!.pid,
  nested: work => em.transactional(inner => work(over(inner as EntityManager))),
})

testHost({
  name: `MikroORM ${isNewest ? 7 : 6}`,
  async open(database) {
    const orm = await initialise(database.url)
    return {
      async begin(): Promise<OpenTransaction> {
        const em = orm.em.fork()
        await em.begin()
        return { ...over(em), commit: () => em.commit(), rollback: () => em.rollback() }
      },
      close: () => orm.close(true),
    }
  },
})

test('MikroORM: the EntityManager of the application leads to the transaction that is running', async () => {
  const database = await createDatabase(NOTES)
  const orm = await initialise(database.url)
  const { knex } = borrow({ connection: () => connectionOf(orm.em) })
  try {
    await orm.em.fork().transactional(async em => {
      em.persist(em.create(NoteSchema, { body: 'flushed' } as Note))
      await em.flush()
      expect(await knex('notes').pluck('body')).toEqual(['flushed'])
      await knex('notes').insert({ body: 'ours' })
      expect(await em.count(NoteSchema, {})).toBe(2)
    })
    await expect(knex('notes')).rejects.toMatchObject({
      code: 'EL_NO_HOST_CONNECTION',
      message: expect.stringContaining('has no transaction open here'),
    })
    await expect(connectionOf({} as never)).rejects.toThrow(/given no EntityManager of MikroORM/)
    expect(await database.admin('select body from notes order by body')).toEqual([
      { body: 'flushed' },
      { body: 'ours' },
    ])
  } finally {
    await orm.close(true)
    await database.drop()
  }
})
