import { reflect } from 'enginelight/schema'
import pg from 'pg'

/** With a `cache`, a file, what an earlier process has left there. */
export async function open({ url, cache }) {
  return { read, close: async () => {} }

  async function read() {
    const client = new pg.Client(url)
    await client.connect()
    try {
      const { tables } = await reflect(client, cache === undefined ? {} : { cache })
      return { tables: tables.length, columns: tables.reduce((sum, table) => sum + table.columns.length, 0) }
    } finally {
      await client.end()
    }
  }
}
