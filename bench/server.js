import pg from 'pg'
import { startPostgres } from '../scripts/postgres/server.js'

/**
 * A server whose own cost is small and even: nothing is synced to the disk, nothing is vacuumed and no checkpoint comes
 * in between. What is compared is the cost of the client.
 */
export async function startServer(schema) {
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    checkpoint_timeout: '1h',
    max_wal_size: '4GB',
    shared_buffers: '256MB',
    jit: 'off',
  }
  const server = await startPostgres({ settings })
  const client = new pg.Client(server.url)
  await client.connect()
  await client.query(schema)
  const [{ version }] = (await client.query("select current_setting('server_version') as version")).rows
  return {
    ...server,
    version,
    async stop() {
      await client.end()
      await server.stop()
    },
  }
}
