import type { Knex } from 'knex'
import { EnginelightError } from '../channels/errors.ts'
import { besideBundle, loadBeside } from '../identity/peers.ts'
import { shownMessage } from '../channels/shown-message.ts'
import { checkOptions, whole, type Asker } from '../channels/options.ts'
import { databaseOfClient, knownDatabases, type Database } from './database.ts'
import type { CheckedOptions, EngineConfig, PoolSizes } from './engine-config.ts'

/** Makes the knex of an engine with a `connection`, with a pool of its own. Throws EL_CONFIG or EL_UNSUPPORTED_CLIENT. */
export function knexFor(
  name: string,
  config: Extract<EngineConfig, { connection: unknown }>,
  options: CheckedOptions,
): Knex {
  const { connection, pool: sizes } = config
  const database = databaseFor(name, connection)
  return makeKnex(name, database.knexConfig(name, connection, options, checkSizes(name, sizes)))
}

/** The database that a `connection` is meant for: by its scheme, else the first of all, which says what is wrong. */
function databaseFor(name: string, connection: unknown): Database {
  const databases = knownDatabases()
  const found = databases.find(one => one.isConnection(connection))
  if (found) return found
  const scheme = typeof connection === 'string' ? /^[a-z0-9+]+(?=:)/i.exec(connection)?.[0] : undefined
  if (scheme === undefined) return databases[0] as Database
  throw new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `Engine "${name}": ${supported()}, ${scheme} is not yet.`,
    {
      engine: name,
      option: 'connection',
    },
  )
}

const titles = (through = false) =>
  knownDatabases().map(({ dialect, knexClient }) => dialect.title + (through ? ` through ${knexClient}` : ''))

const supported = (through = false) => {
  const names = titles(through)
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} supported`
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
  if (typeof client === 'string') databaseOfKnex(name, client)
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
      `Engine "${name}" needs the package knex: npm install ${peers()}.${besideBundle(peers().replace(' ', ' and '))}`,
      { engine: name, cause },
    )
  }
}

/** What to install beside knex for the usual database. */
const peers = () => knownDatabases()[0]?.peers.join(' ') ?? 'knex'

/** The database of a knex client. Throws EL_UNSUPPORTED_CLIENT. */
export function databaseOfKnex(name: string, client: string, instance?: object): Database {
  const found = databaseOfClient(client, instance)
  if (found) return found
  const dialect = (instance as { dialect?: string } | undefined)?.dialect
  throw new EnginelightError(
    'EL_UNSUPPORTED_CLIENT',
    `Engine "${name}": ${supported(true)}, knex client ${dialect ?? client} is not yet.`,
    { engine: name, known: knownDatabases().map(({ knexClient }) => knexClient) },
  )
}
