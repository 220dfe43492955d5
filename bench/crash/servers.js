import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { startFaultProxy } from '../../.cache/compiled/server-lib/testing/fault-proxy.js'
import { startPostgres } from '../../scripts/postgres/server.js'
import { ACCOUNTS, NAMES, START_BALANCE } from './limits.js'

const INSTALL = new URL('../../server-lib/postgres/two-phase/install.sql', import.meta.url)

/** One PostgreSQL of its own, as durable as in production, behind a proxy. */
class Server {
  constructor(name, postgres, proxy) {
    this.name = name
    this.postgres = postgres
    this.proxy = proxy
  }

  async ask(text, values) {
    const client = new pg.Client({ connectionString: this.postgres.url, application_name: 'administrator' })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
}

export async function startServers() {
  const install = await readFile(INSTALL, 'utf8')
  const starting = NAMES.map(async name => {
    const postgres = await startPostgres({
      settings: { fsync: 'on', shared_buffers: '32MB', max_prepared_transactions: 60, max_connections: 80 },
    })
    const server = new Server(name, postgres, await startFaultProxy(postgres.url))
    await server.ask(`create table account (id int primary key, balance int not null);
      create table transfer (id text primary key, delta int not null);
      insert into account select n, ${START_BALANCE} from generate_series(1, ${ACCOUNTS}) n;`)
    await server.ask(install)
    return server
  })
  const servers = await Promise.all(starting)
  return {
    servers,
    /** For the library's processes: all that they send goes through the proxies. */
    urls: JSON.stringify(servers.map(({ proxy }) => proxy.url)),
    async stop() {
      await Promise.all(
        servers.map(async ({ postgres, proxy }) => {
          await proxy.stop()
          await postgres.stop()
        }),
      )
    },
  }
}
