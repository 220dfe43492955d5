import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reflect } from 'enginelight/schema'
import pg from 'pg'

/** With `cached`, what an earlier read has left in a file: the statements of both are counted. */
export async function open({ url, cached }) {
  const folder = cached ? await mkdtemp(join(tmpdir(), 'enginelight-bench-')) : null
  const options = folder === null ? {} : { cache: join(folder, 'schema.json') }
  if (folder !== null) await read()
  return { read, close: async () => folder === null || (await rm(folder, { recursive: true })) }

  async function read() {
    const client = new pg.Client(url)
    await client.connect()
    try {
      const { tables } = await reflect(client, options)
      return { tables: tables.length, columns: tables.reduce((sum, table) => sum + table.columns.length, 0) }
    } finally {
      await client.end()
    }
  }
}
