import { Kysely, PostgresDialect, sql, type ControlledTransaction, type Generated } from 'kysely'
import pg from 'pg'
import { testHost, type HostTransaction } from '../../testing/host-contract.ts'
import { connectionOf, watchPool } from './kysely.ts'

interface Tables {
  notes: { id: Generated<number>; body: string }
}

testHost({
  name: 'Kysely',
  async open({ url }) {
    const pool = watchPool(new pg.Pool({ connectionString: url, max: 2 }))
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    let savepoints = 0
    const transactionOn = (trx: ControlledTransaction<Tables, string[]>): HostTransaction => ({
      connection: () => connectionOf(trx),
      insert: body => trx.insertInto('notes').values({ body }).execute(),
      bodies: async () =>
        (await trx.selectFrom('notes').select('body').orderBy('body').execute()).map(({ body }) => body),
      pid: async () => (await sql<{ pid: number }>`select pg_backend_pid() pid`.execute(trx)).rows[0]!.pid,
      async nested(work) {
        const name = `host_${++savepoints}`
        const inner = await trx.savepoint(name).execute()
        try {
          const result = await work(transactionOn(inner))
          await inner.releaseSavepoint(name).execute()
          return result
        } catch (error) {
          await inner.rollbackToSavepoint(name).execute()
          throw error
        }
      },
    })
    return {
      pool,
      async begin() {
        const trx = await db.startTransaction().execute()
        return {
          ...transactionOn(trx),
          commit: () => trx.commit().execute(),
          rollback: () => trx.rollback().execute(),
        }
      },
      close: () => db.destroy(),
    }
  },
})
