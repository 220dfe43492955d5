import { AsyncLocalStorage } from 'node:async_hooks'
import knex, { type Knex } from 'knex'
import { Model, transaction } from 'objection'
import { describe, expect, test } from 'vitest'
import { createDatabase } from '../../testing/database.ts'
import { NOTES, testHost, type HostTransaction, type OpenTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf } from './knex.ts'
import { ending } from '../../testing/ending.ts'

const configFor = (url: string): Knex.Config => ({
  client: 'pg',
  connection: url,
  pool: { min: 0, max: 2 },
})

testHost({
  name: 'knex',
  async open(database) {
    const host = knex(configFor(database.url))
    const over = (trx: Knex.Transaction): HostTransaction => ({
      connection: () => connectionOf(trx),
      insert: body => trx('notes').insert({ body }),
      bodies: () => trx('notes').orderBy('body').pluck('body'),
      pid: async () => (await trx.first(trx.raw('pg_backend_pid() pid'))).pid,
      nested: work => trx.transaction(inner => work(over(inner))),
    })
    return {
      async begin(): Promise<OpenTransaction> {
        const trx = await host.transaction()
        return { ...over(trx), commit: () => trx.commit(), rollback: () => trx.rollback() }
      },
      close: () => host.destroy(),
    }
  },
})

class Note extends Model {
  static override tableName = 'notes'
  body!: string
}

testHost({
  name: 'Objection',
  async open(database) {
    const host = knex(configFor(database.url))
    const Bound = Note.bindKnex(host)
    const over = (trx: Knex.Transaction): HostTransaction => ({
      connection: () => connectionOf(trx),
      insert: async body => Bound.query(trx).insert({ body }),
      bodies: async () => (await Bound.query(trx).orderBy('body')).map(({ body }) => body),
      pid: async () => (await trx.first(trx.raw('pg_backend_pid() pid'))).pid,
      nested: work => transaction(trx, inner => work(over(inner))),
    })
    return {
      async begin(): Promise<OpenTransaction> {
        const trx = await Bound.startTransaction()
        return { ...over(trx), commit: () => trx.commit(), rollback: () => trx.rollback() }
      },
      close: () => host.destroy(),
    }
  },
})

describe('connectionOf of knex', () => {
  test('one borrow for all, over an AsyncLocalStorage; models that are bound to a transaction', async () => {
    const database = await createDatabase(NOTES)
    const host = knex(configFor(database.url))
    const current = new AsyncLocalStorage<Knex.Transaction>()
    const { knex: borrowed } = borrow({
      connection: () => {
        const trx = current.getStore()
        return trx && connectionOf(trx)
      },
    })
    try {
      await transaction(Note.bindKnex(host), BoundNote =>
        current.run(BoundNote.knex() as Knex.Transaction, async () => {
          await BoundNote.query().insert({ body: 'host' })
          expect(await borrowed('notes').pluck('body')).toEqual(['host'])
        }),
      )
      await expect(borrowed('notes')).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
    } finally {
      await host.destroy()
      await database.drop()
    }
  })

  test('what is no transaction is named, and nothing is taken out of a pool', async () => {
    await using host = ending(knex(configFor('postgres://nobody@127.0.0.1:1/none')))
    for (const [given, sentence] of [
      [host, /was given a knex, and each of its statements.*give the transaction that/],
      [{}, /given no transaction of knex/],
      [undefined, /given no transaction of knex/],
      [Note, /Model\.knex\(\) is it/],
    ] as const) {
      await expect(connectionOf(given as never)).rejects.toMatchObject({
        code: 'EL_NO_HOST_CONNECTION',
        message: expect.stringMatching(sentence),
      })
    }
    expect(host.client.pool.numUsed() + host.client.pool.numPendingAcquires()).toBe(0)
  })
})
