import { AsyncLocalStorage } from 'node:async_hooks'
import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import { expect, test } from 'vitest'
import { heldOpen, notesDatabase, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf } from './typeorm.ts'

interface Note {
  id: number
  body: string
}

const Notes = new EntitySchema<Note>({
  name: 'notes',
  columns: { id: { type: Number, primary: true, generated: true }, body: { type: String, unique: true } },
})

testHost({
  name: 'TypeORM',
  async open({ url }) {
    const source = new DataSource({ type: 'postgres', url, poolSize: 2, entities: [Notes] })
    await source.initialize()
    const transactionOn = (manager: EntityManager): HostTransaction => ({
      connection: () => connectionOf(manager),
      insert: body => manager.save(Notes, { body }),
      bodies: async () => (await manager.find(Notes, { order: { body: 'asc' } })).map(({ body }) => body),
      pid: async () => (await manager.query('select pg_backend_pid() pid'))[0].pid,
      nested: work => manager.transaction(inner => work(transactionOn(inner))),
    })
    return {
      // Its driver makes it.
      pool: (source.driver as unknown as { master: import('pg').Pool }).master,
      async begin() {
        const { tx, ...end } = await heldOpen<EntityManager>(work => source.transaction(work))
        return { ...transactionOn(tx), ...end }
      },
      close: () => source.destroy(),
    }
  },
})

const database = notesDatabase()

async function open(): Promise<DataSource> {
  const source = new DataSource({ type: 'postgres', url: database.url, poolSize: 2, entities: [Notes] })
  return source.initialize()
}

test('one borrow for the application, as typeorm-transactional has it: the manager of the source follows the context', async () => {
  const source = await open()
  const current = new AsyncLocalStorage<EntityManager>()
  const { manager } = source
  Object.defineProperty(source, 'manager', { get: () => current.getStore() ?? manager })
  const { knex } = borrow({ connection: () => connectionOf(source) })
  const transactional = <T>(work: () => Promise<T>) => manager.transaction(inner => current.run(inner, work))
  const seen = await Promise.all(
    ['a', 'b'].map(body =>
      transactional(async () => {
        await source.manager.save(Notes, { body })
        await knex('notes').insert({ body: `${body} of knex` })
        return knex('notes').where('body', 'like', `${body}%`).orderBy('id').pluck('body')
      }),
    ),
  )
  expect(seen).toEqual([
    ['a', 'a of knex'],
    ['b', 'b of knex'],
  ])
  await expect(knex('notes')).rejects.toMatchObject({
    code: 'EL_NO_HOST_CONNECTION',
    message: expect.stringContaining('without a query runner'),
  })
  await source.destroy()
})

test('a query runner, from before its transaction to after its release', async () => {
  const source = await open()
  const runner = source.createQueryRunner()
  await expect(connectionOf(runner)).rejects.toThrow(/has no connection yet: startTransaction\(\) first/)
  expect(await database.backends()).toHaveLength(1)
  await runner.startTransaction()
  const client = await connectionOf(runner)
  expect(await connectionOf(runner.manager)).toBe(client)
  expect(await connectionOf(runner.manager.getRepository(Notes))).toBe(client)
  const { knex } = borrow({ connection: () => connectionOf(runner) })
  await knex('notes').insert({ body: 'a' })
  await runner.commitTransaction()
  await expect(knex('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_TRANSACTION' })
  await runner.release()
  await expect(knex('notes')).rejects.toMatchObject({
    code: 'EL_LEASE_ENDED',
    message: expect.stringContaining('TypeORM has released its query runner'),
  })
  await expect(connectionOf(source.manager)).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
  await expect(connectionOf(undefined as never)).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
  await source.destroy()
})
