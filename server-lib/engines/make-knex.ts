import type { Knex } from 'knex'
import { EnginelightError } from '../channels/errors.ts'
import { besideBundle, loadBeside } from '../identity/peers.ts'
import { shownMessage } from '../channels/shown-message.ts'
import { READ_ONLY_SESSION } from '../postgres/control.ts'
import type { DriverConnection } from '../postgres/driver.ts'
import { checkConnection } from '../postgres/connection-option.ts'
import { describe } from '../channels/describe.ts'
import { checkOptions, whole, type Asker } from '../channels/options.ts'
import type { CheckedOptions, EngineConfig, PoolSizes } from './engine-config.ts'

/** Makes the knex of an engine with a `connection`, with a pool of its own. Throws EL_CONFIG or EL_UNSUPPORTED_CLIENT. */
export function knexFor(
  name: string,
  config: Extract<EngineConfig, { connection: unknown }>,
  options: CheckedOptions,
): Knex {
  const { connection, pool: sizes } = config
  checkConnection(name, connection)
  const isText = typeof connection === 'string' && connection !== ''
  if (!isText && (typeof connection !== 'object' || connection === null || Array.isArray(connection))) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": option connection must be a URL or an object, not ${describe(connection)}.`,
      {
        engine: name,
        option: 'connection',
      },
    )
  }
  if (isText && !/^(postgres|postgresql|socket):\/\//.test(connection) && connection[0] !== '/') {
    const scheme = /^[a-z0-9+]+(?=:)/i.exec(connection)?.[0]
    throw new EnginelightError(
      scheme ? 'EL_UNSUPPORTED_CLIENT' : 'EL_CONFIG',
      scheme
        ? `Engine "${name}": PostgreSQL is supported, ${scheme} is not yet.`
        : `Engine "${name}": option connection must be a postgres:// URL.`,
      { engine: name, option: 'connection' },
    )
  }
  const { min, max, idleTimeoutMs } = checkSizes(name, sizes)
  const own = isText ? { connectionString: connection } : (connection as Record<string, unknown>)
  const afterCreate =
    options.access === 'read' && options.rule.ends === 'statement'
      ? (driver: DriverConnection, done: (error?: Error | null) => void) =>
          driver.query(READ_ONLY_SESSION, (error?: Error | null) => done(error))
      : undefined
  return makeKnex(name, {
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
  })
}

function checkSizes(name: string, sizes: PoolSizes | undefined): Required<PoolSizes> {
  const { min = 0, max = 10, idleTimeoutMs = 30_000 } = sizes ?? {}
  const asker: Asker = {
    name: `Engine "${name}"`,
    within: 'pool',
    fields: { engine: name },
    noObject: given => {
      const example = typeof sizes === 'number' ? sizes : 10
      return `Engine "${name}": option pool must be an object such as { max: ${example} }, not ${given}.`
    },
  }
  checkOptions<PoolSizes>(asker, sizes === undefined ? {} : sizes, {
    min: whole(`a whole number from 0 to max (${max})`, 0, max),
    max: whole('a whole number from 1', 1),
    idleTimeoutMs: whole('a whole number from 1', 1),
  })
  return { min, max, idleTimeoutMs }
}

/** Knex prints a line for each connection that fails validation or cannot be acquired; the channels report those. */
export const quietLog = {
  warn(message: unknown) {
    if (!/^(Acquire c|C)onnection Error/i.test(String(message))) console.warn(message)
  },
}

/** Calls knex. Throws EL_MISSING_PEER, EL_CONFIG or EL_UNSUPPORTED_CLIENT. */
export function makeKnex(name: string, config: Knex.Config): Knex {
  const client: unknown = config.client
  if (typeof client === 'string') requirePostgres(name, client)
  const factory = knexFactory(name)
  try {
    return factory(config)
  } catch (cause) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": knex does not take this config: ${shownMessage(cause)}`,
      { engine: name, cause },
    )
  }
}

/** The export of the package knex, which is loaded only here. Throws EL_MISSING_PEER. */
export function knexFactory(name: string): (config: Knex.Config) => Knex {
  try {
    return loadBeside('knex') as ReturnType<typeof knexFactory>
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      `Engine "${name}" needs the package knex: npm install knex pg.${besideBundle('knex and pg')}`,
      { engine: name, cause },
    )
  }
}

const POSTGRES_CLIENTS = /^(pg|postgres|postgresql|Client_PG|Client_PostgreSQL)$/

/** Refuses every knex client but pg's. */
export function requirePostgres(name: string, client: string, instance?: object): void {
  const dialect = (instance as { dialect?: string } | undefined)?.dialect
  if (POSTGRES_CLIENTS.test(client) || dialect === 'postgresql') return
  throw new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `Engine "${name}": PostgreSQL through pg is supported, knex client ${dialect ?? client} is not yet.`,
    {
      engine: name,
      known: ['pg'],
    },
  )
}
