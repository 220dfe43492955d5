import pg from 'pg'
import { testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { connectionOf } from './pg.ts'

testHost({
  name: 'pg',
  async open({ url }) {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    return {
      pool,
      async begin() {
        const client = await pool.connect()
        await client.query('BEGIN')
        const end = async (text: string) => {
          await client.query(text)
          client.release()
        }
        return {
          ...transactionOn(client),
          commit: () => end('COMMIT'),
          rollback: () => end('ROLLBACK'),
        }
      },
      close: () => pool.end(),
    }
  },
})

function transactionOn(client: pg.PoolClient): HostTransaction {
  const transaction: HostTransaction = {
    connection: connectionOf(client),
    insert: body => client.query('insert into notes (body) values ($1)', [body]),
    bodies: async () =>
      (await client.query('select body from notes order by body')).rows.map(({ body }) => body),
    pid: async () => (await client.query('select pg_backend_pid() pid')).rows[0].pid,
    async nested(work) {
      await client.query('SAVEPOINT of_the_host')
      try {
        const result = await work(transaction)
        await client.query('RELEASE SAVEPOINT of_the_host')
        return result
      } catch (error) {
        await client.query('ROLLBACK TO SAVEPOINT of_the_host')
        throw error
      }
    },
  }
  return transaction
}
