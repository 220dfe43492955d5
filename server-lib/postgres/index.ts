import type { Database } from '../engines/database.ts'
import { postgres } from './dialect.ts'
import { isConnection, knexConfig } from './knex-config.ts'
import { NativePool } from './native-pool.ts'
import { isPgPool, type PgPool } from './pg-pool.ts'
import { keepOpening, type DriverOwner } from './opening-connections.ts'
import { serverAddressOf } from './server-address.ts'
import { serverDoor } from './server-settings.ts'
import { isMute } from './transaction-status.ts'

const CLIENTS = /^(pg|postgres|postgresql|Client_PG|Client_PostgreSQL)$/

/** A connection of a pg.Pool that knex holds. */
interface KnexConnection {
  readonly __knex__disposed?: unknown
  release(destroy: boolean): void
}

/** PostgreSQL: through knex, a `pg.Pool`, or a connection's settings. */
export const database: Database = {
  dialect: postgres,
  knexClient: 'pg',
  peers: ['knex', 'pg'],
  // The version saves the `select version()` that knex would send on a pool that is not its own.
  builderConfig: { client: 'pg', version: '18.0' },
  isKnexClient: (name, client) =>
    CLIENTS.test(name) || (client as { dialect?: string } | undefined)?.dialect === 'postgresql',
  isConnection,
  knexConfig,
  addressOf: serverAddressOf,
  door: (settings, Client) => serverDoor(settings, Client as Parameters<typeof serverDoor>[1]),
  cannotTellStatus: isMute,
  keepOpening: client => keepOpening(client as DriverOwner, postgres.connectionOf),
  nativePools: {
    is: isPgPool,
    watch: (pool, books, inContext) => new NativePool(pool as PgPool, books, inContext),
    settingsOf: pool => (pool as PgPool).options,
    clientOf: pool => (pool as PgPool).Client,
    acquire: pool => (pool as PgPool).connect(),
    release(connection) {
      const { __knex__disposed: disposed } = connection as KnexConnection
      // A connection that knex has given up on still runs its statement.
      ;(connection as KnexConnection).release(!!disposed)
    },
  },
}
