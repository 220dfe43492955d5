import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

/** Names, types and nullability of columns; it knows no keys, indexes, checks and enums. */
export async function open({ url }) {
  return {
    async read() {
      const db = new Kysely({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
      })
      try {
        const tables = await db.introspection.getTables()
        return {
          tables: tables.length,
          columns: tables.reduce((sum, table) => sum + table.columns.length, 0),
        }
      } finally {
        await db.destroy()
      }
    },
    close: async () => {},
  }
}
