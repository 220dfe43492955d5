import type { Knex } from 'knex'
import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { CheckedOptions, PoolSizes } from '../engines/engine-config.ts'
import { quietLog } from '../engines/make-knex.ts'
import { checkConnection } from './connection-option.ts'
import { READ_ONLY_SESSION } from './control.ts'
import type { PgClient } from './driver.ts'

const SCHEME = /^(postgres|postgresql|socket):\/\//

/** Whether it is a URL of PostgreSQL, the folder of a socket, or settings that pg takes. */
export const isConnection = (connection: unknown): boolean =>
  typeof connection === 'string'
    ? SCHEME.test(connection) || connection[0] === '/'
    : typeof connection === 'object'

/** What a knex is made of for an engine's `connection`. Throws EL_CONFIG. */
export function knexConfig(
  name: string,
  connection: unknown,
  options: CheckedOptions,
  { min, max, idleTimeoutMs }: Required<PoolSizes>,
): Knex.Config {
  checkConnection(name, connection)
  const isText = typeof connection === 'string' && connection !== ''
  if (!isText && (typeof connection !== 'object' || connection === null || Array.isArray(connection)))
    throw wrong(name, `must be a URL or an object, not ${describe(connection)}`)
  if (isText && !isConnection(connection)) throw wrong(name, 'must be a postgres:// URL')
  const own = isText ? { connectionString: connection } : (connection as Record<string, unknown>)
  const afterCreate =
    options.access === 'read' && options.rule.ends === 'statement'
      ? (driver: PgClient, done: (error?: Error | null) => void) =>
          driver.query(READ_ONLY_SESSION, (error?: Error | null) => done(error))
      : undefined
  return {
    client: 'pg',
    compileSqlOnError: false,
    log: quietLog,
    connection: {
      connectionTimeoutMillis: options.connectTimeoutMs,
      ...own,
    },
    pool: {
      min,
      max,
      idleTimeoutMillis: idleTimeoutMs,
      createTimeoutMillis: options.connectTimeoutMs,
      // Later than our own deadline, whose error names the holders.
      acquireTimeoutMillis: options.checkoutTimeoutMs + 5_000,
      ...(afterCreate ? { afterCreate } : {}),
    },
  }
}

const wrong = (name: string, needs: string) =>
  new EnginelightError('EL_CONFIG', `Engine "${name}": option connection ${needs}.`, {
    engine: name,
    option: 'connection',
  })
