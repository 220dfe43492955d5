import { DataTypes, QueryTypes, Sequelize, type Transaction } from 'sequelize'
import { testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { connectionOf } from './sequelize.ts'

function open(url: string) {
  const sequelize = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max: 2 } })
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
