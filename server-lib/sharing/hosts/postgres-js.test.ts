import postgres from 'postgres'
import {
  heldOpen,
  testHost,
  type HostTransaction,
  type OpenTransaction,
} from '../../testing/host-contract.ts'
import { connectionOf } from './postgres-js.ts'

type Tx = postgres.TransactionSql

const open = (url: string) => postgres(url, { max: 2, onnotice: () => {} })

const over = (sql: postgres.ISql): HostTransaction => ({
  connection: () => connectionOf(sql),
  insert: async body => sql`insert into notes (body) values (${body})`,
  bodies: async () => (await sql`select body from notes order by body`).map(({ body }) => body as string),
  pid: async () => (await sql`select pg_backend_pid() pid`)[0]!.pid as number,
  nested: work => (sql as Tx).savepoint(inner => work(over(inner))) as never,
})

testHost({
  name: 'postgres.js 3, begin()',
  async open(database) {
    const sql = open(database.url)
    return {
      async begin(): Promise<OpenTransaction> {
        const { tx, ...end } = await heldOpen<Tx>(work => sql.begin(work))
        return { ...over(tx), ...end }
      },
      close: () => sql.end(),
    }
  },
})
