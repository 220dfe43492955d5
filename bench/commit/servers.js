import pg from 'pg'
import { INSTALL_SQL } from '../../.cache/compiled/server-lib/postgres/two-phase/install-sql.js'
import { startPostgres } from '../../scripts/postgres/server.js'
import { SCHEMA } from './unit.js'

/** Separate servers that sync, as those do that a two-phase commit is for; without what comes by itself in between. */
export async function startServers(count) {
  const settings = {
    fsync: 'on',
    autovacuum: 'off',
    checkpoint_timeout: '1h',
    max_wal_size: '4GB',
    max_prepared_transactions: 50,
    jit: 'off',
  }
  const servers = await Promise.all(Array.from({ length: count }, () => startPostgres({ settings })))
  const stop = () => Promise.all(servers.map(server => server.stop()))
  try {
    let version
    for (const { url } of servers) {
      const client = new pg.Client(url)
      await client.connect()
      await client.query(SCHEMA)
      await client.query(INSTALL_SQL)
      ;[{ version }] = (await client.query("select current_setting('server_version') as version")).rows
      await client.end()
    }
    return { urls: servers.map(({ url }) => url), version, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
