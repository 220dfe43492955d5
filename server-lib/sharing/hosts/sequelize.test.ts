import { AsyncLocalStorage } from 'node:async_hooks'
import { DataTypes, QueryTypes, Sequelize, type Transaction } from 'sequelize'
import { expect, onTestFinished, test } from 'vitest'
import { notesDatabase, testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { borrow } from '../index.ts'
import { connectionOf } from './sequelize.ts'

function open(url: string, max = 2) {
  const sequelize = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max } })
  const Note = sequelize.define(
    'note',
    { body: { type: DataTypes.TEXT, allowNull: false, unique: true } },
    { tableName: 'notes', timestamps: false },
  )
  const transactionOn = (transaction: Transaction): HostTransaction => ({
    connection: () => connectionOf(transaction),
    insert: body => Note.create({ body }, { transaction }),
    bodies: async () =>
      (await Note.findAll({ transaction, order: ['body'] })).map(note => note.get('body') as string),
    async pid() {
      const type = QueryTypes.SELECT as const
      const [row] = await sequelize.query<{ pid: number }>('select pg_backend_pid() pid', {
        transaction,
        type,
      })
      return row!.pid
    },
    nested: work => sequelize.transaction({ transaction }, inner => work(transactionOn(inner))),
  })
  return { sequelize, transactionOn }
}

testHost({
  name: 'Sequelize',
  async open({ url }) {
    const { sequelize, transactionOn } = open(url)
    return {
      async begin() {
        const transaction = await sequelize.transaction()
        return {
          ...transactionOn(transaction),
          commit: () => transaction.commit(),
          rollback: () => transaction.rollback(),
        }
      },
      close: () => sequelize.close(),
    }
  },
})

const database = notesDatabase()

/** The parts of a CLS namespace that Sequelize uses. */
function namespace() {
  const contexts = new AsyncLocalStorage<Map<string, unknown>>()
  return {
    get: (name: string) => contexts.getStore()?.get(name),
    set: (name: string, value: unknown) => void contexts.getStore()?.set(name, value),
    run: <T>(work: () => T) => contexts.run(new Map(contexts.getStore()), work),
    bind: <Fn extends (...args: any[]) => any>(fn: Fn): Fn => AsyncLocalStorage.bind(fn),
  }
}

test('one borrow for the application: the transaction of its CLS', async () => {
  Sequelize.useCLS(namespace())
  onTestFinished(() => void Reflect.deleteProperty(Sequelize, '_cls'))
  const { sequelize } = open(database.url)
  const { knex } = borrow({ connection: () => connectionOf(sequelize) })
  const seen = await Promise.all(
    ['a', 'b'].map(body =>
      sequelize.transaction(async () => {
        await sequelize.query('insert into notes (body) values (?)', { replacements: [body] })
        await knex('notes').insert({ body: `${body} of knex` })
        return knex('notes').where('body', 'like', `${body}%`).orderBy('id').pluck('body')
      }),
    ),
  )
  expect(seen).toEqual([
    ['a', 'a of knex'],
    ['b', 'b of knex'],
  ])
  await expect(knex('notes')).rejects.toThrow(/Sequelize has no transaction in this context/)
  await sequelize.close()
})

test('a savepoint of ours that outlives the transaction, whose connection another has by then', async () => {
  const { sequelize, transactionOn } = open(database.url, 1)
  const transaction = await sequelize.transaction()
  const { knex } = borrow({ connection: () => connectionOf(transaction) })
  let next: Transaction | undefined
  await expect(
    knex.transaction(async trx => {
      await trx('notes').insert({ body: 'in time' })
      await transaction.commit()
      next = await sequelize.transaction()
      await transactionOn(next).insert('of the next')
      await trx('notes').insert({ body: 'too late' })
    }),
  ).rejects.toMatchObject({
    code: 'EL_LEASE_ENDED',
    message: expect.stringContaining('the transaction of Sequelize is finished (commit)'),
  })
  await next!.commit()
  const rows = await database.admin('select body from notes order by body')
  expect(rows).toEqual([{ body: 'in time' }, { body: 'of the next' }])
  await sequelize.close()
})

test('a nested transaction that is finished lends no more', async () => {
  const { sequelize } = open(database.url)
  await sequelize.transaction(async transaction => {
    const nested = await sequelize.transaction({ transaction })
    expect(connectionOf(nested)).toBe(connectionOf(transaction))
    await nested.rollback()
    expect(() => connectionOf(nested)).toThrow(/finished \(rollback\)/)
    connectionOf(transaction)
  })
  expect(() => connectionOf(sequelize)).toThrow(/Sequelize without CLS/)
  expect(() => connectionOf({} as never)).toThrow(/no transaction of Sequelize/)
  await sequelize.close()
})
