import type { Knex } from 'knex'
import { EnginelightError } from '../channels/errors.ts'
import { processWide } from '../identity/process-wide.ts'
import type { InContext } from '../pool/in-context.ts'
import { KnexPool } from '../pool/knex-pool.ts'
import { isTarnPool, type TarnPool } from '../pool/tarn-pool.ts'
import { Books } from '../pool/books.ts'
import type { Pool } from '../pool/pool.ts'
import { watchKnexLines } from '../watch/knex-lines.ts'
import { requireCapabilities } from './capabilities.ts'
import { isDriverPool, isPoolSource } from './driver-pool.ts'
import { hostDatabase, knownDatabases, type Database, type NativePools } from './database.ts'
import { databaseOfKnex, knexFor, makeKnex } from './make-knex.ts'
import { onPool, poolOfOne } from './transacting-knex.ts'
import type { ServerAddress, ServerDoor } from './server-door.ts'
import { describe } from '../channels/describe.ts'
import {
  type DriverPool,
  type BorrowedSource,
  type OpenableSource,
  type CheckedOptions,
  type EngineConfig,
} from './engine-config.ts'

/** What is used of knex's client object. */
export interface KnexClient {
  readonly driver?: { readonly Client?: unknown }
  readonly config: Record<string, unknown>
  readonly pool?: TarnPool
  readonly connectionSettings?: Record<string, unknown>
  initializePool?(...args: unknown[]): unknown
}

/** The opened source of an engine: a pool, and a knex to build statements with. */
export interface OpenPool extends ServerAddress {
  readonly knex: Knex
  readonly pool: Pool
  readonly source: 'connection' | 'knex' | 'pg.Pool' | 'borrowed'
  /** Whether we made it, or a function given to us did: then it is ours to close and to replace. */
  readonly owned: boolean
  /** How to reach its server directly. Read on each call, because a pool may get its settings later. */
  door(): ServerDoor
}

/**
 * Opens an engine's source and begins to watch it, without making a connection. `found` is called when a pool that did
 * not know its server's address has learnt it. Throws EL_CONFIG, EL_UNSUPPORTED_CLIENT or EL_MISSING_PEER.
 */
export function openPool(
  name: string,
  poolName: string,
  config: EngineConfig,
  options: CheckedOptions,
  inContext: InContext,
  found: () => void = () => {},
): OpenPool {
  const booksOf = ({ dialect }: Database) => {
    requireCapabilities(name, dialect, options)
    return new Books(name, poolName, dialect)
  }
  if (config.connection !== undefined) {
    return fromKnex(name, knexFor(name, config, options), booksOf, 'connection', true, inContext)
  }
  if (config.knex !== undefined) {
    const { knex } = config
    if (isKnex(knex)) return fromKnex(name, knex, booksOf, 'knex', false, inContext)
    if (typeof knex === 'function') {
      return fromKnex(
        name,
        made(name, 'knex', knex as () => unknown, isKnex),
        booksOf,
        'knex',
        true,
        inContext,
      )
    }
    if (typeof knex !== 'object' || knex === null) {
      throw new EnginelightError(
        'EL_CONFIG',
        `Engine "${name}": option knex must be a knex, its config or a function that makes one, not ${describe(knex)}.`,
        {
          engine: name,
          option: 'knex',
        },
      )
    }
    // A pool in the config is the application's to close.
    const owned = !('connectionPool' in knex && knex.connectionPool)
    return fromKnex(name, makeKnex(name, knex), booksOf, 'knex', owned, inContext)
  }
  if (config.borrowed !== undefined) return fromHost(name, config.borrowed, booksOf, options, found)
  if (isPoolSource(config.pool)) {
    const given = isDriverPool(config.pool)
    const pool = isDriverPool(config.pool) ? config.pool : made(name, 'pool', config.pool, isDriverPool)
    return fromNativePool(name, pool, booksOf, !given, inContext)
  }
  throw new EnginelightError('EL_CONFIG', `Engine "${name}" has no source.`, { engine: name })
}

function made<T>(
  name: string,
  option: string,
  factory: () => unknown,
  fits: (value: unknown) => value is T,
): T {
  const value = factory()
  if (fits(value)) return value
  throw new EnginelightError(
    'EL_CONFIG',
    `Engine "${name}": the function given as ${option} made ${describe(value)}.`,
    {
      engine: name,
      option,
    },
  )
}

type BooksOf = (database: Database) => Books

function isKnex(value: unknown): value is Knex {
  return (
    typeof value === 'function' &&
    typeof (value as { client?: unknown }).client === 'object' &&
    'raw' in value
  )
}

function fromKnex(
  name: string,
  knex: Knex,
  booksOf: BooksOf,
  source: 'connection' | 'knex',
  owned: boolean,
  inContext: InContext,
): OpenPool {
  const client = knex.client as KnexClient
  const { client: configured } = client.config
  const database = databaseOfKnex(
    name,
    typeof configured === 'string' ? configured : client.constructor.name,
    client,
  )
  const { connectionPool } = client.config
  if (isDriverPool(connectionPool))
    return fromConnectionPool(name, knex, connectionPool, booksOf, owned, inContext)
  if (!client.pool) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": the knex that was given has no pool (destroyed, or made without a connection).`,
      {
        engine: name,
        option: 'knex',
      },
    )
  }
  const tarn = client.pool
  if (!isTarnPool(tarn)) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": the knex that was given runs on a pool that is neither a pg.Pool nor a pool of knex (tarn).`,
      {
        engine: name,
        option: 'knex',
      },
    )
  }
  const books = booksOf(database)
  refuseSharing(name, tarn, client)
  const unwatchLines = watchKnexLines(knex, books)
  if (database.cannotTellStatus(client.driver?.Client)) books.transactionsAreUnknown()
  // Before `keepOpening` replaces the driver by ours, which tracks connections that are being opened.
  const door = database.door(() => client.connectionSettings ?? {}, client.driver?.Client)
  const opening = owned ? database.keepOpening?.(client) : undefined
  const destroy = async () => {
    await knex.destroy()
    // knex does not destroy a pool that it did not make.
    if (connectionPool) await tarn.destroy()
  }
  const pool = new KnexPool(client, tarn, books, destroy, inContext, opening)
  whenUnwatched(pool, () => {
    unwatchLines()
    watched.delete(tarn)
    watched.delete(client)
  })
  return { knex, pool, source, owned, door, ...database.addressOf(client.connectionSettings) }
}

/** A knex on a pg.Pool of the application (knex 3.3): the pool is watched. */
function fromConnectionPool(
  name: string,
  knex: Knex,
  connectionPool: DriverPool,
  booksOf: BooksOf,
  owned: boolean,
  inContext: InContext,
): OpenPool {
  const open = fromNativePool(name, connectionPool, booksOf, owned, inContext)
  whenUnwatched(open.pool, watchKnexLines(knex, open.pool.books))
  return { ...open, knex, source: 'knex' }
}

function fromNativePool(
  name: string,
  given: DriverPool,
  booksOf: BooksOf,
  owned: boolean,
  inContext: InContext,
): OpenPool {
  const database = knownDatabases().find(({ nativePools }) => nativePools?.is(given)) as Database
  const { nativePools, builderConfig, addressOf, cannotTellStatus, door } = database
  const pools = nativePools as NativePools
  const books = booksOf(database)
  refuseSharing(name, given)
  if (cannotTellStatus(pools.clientOf(given))) books.transactionsAreUnknown()
  const pool = pools.watch(given, books, inContext)
  whenUnwatched(pool, () => watched.delete(given))
  // Only builds statements; they run on the pool's connections through sessions.
  const knex = makeKnex(name, { ...builderConfig, connectionPool: given } as unknown as Knex.Config)
  onPool(
    knex,
    poolOfOne(
      () => pools.acquire(given),
      connection => (pools.release(connection), true),
    ),
  )
  const settings = pools.settingsOf(given)
  return {
    knex,
    pool,
    source: 'pg.Pool',
    owned,
    door: door(() => settings, pools.clientOf(given)),
    ...addressOf(settings as Record<string, unknown>),
  }
}

/** A pool of a host's connections. The server's address becomes known when the first one is borrowed. */
function fromHost(
  name: string,
  borrowed: BorrowedSource,
  booksOf: BooksOf,
  options: CheckedOptions,
  found: () => void,
): OpenPool {
  if (!isOpenable(borrowed)) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}": option borrowed must be made by borrow() of enginelight/sharing, not ${describe(borrowed)}.`,
      { engine: name, option: 'borrowed' },
    )
  }
  const database = hostDatabase()
  const books = booksOf(database)
  refuseSharing(name, borrowed)
  const { pool, knex, address } = borrowed.open(books, options, found)
  whenUnwatched(pool, () => watched.delete(borrowed))
  return {
    knex,
    pool,
    source: 'borrowed',
    owned: false,
    // A session on a borrowed connection cannot be lent.
    door: database.door(() => ({}), undefined),
    get serverAddress() {
      return address().serverAddress
    },
    get serverPort() {
      return address().serverPort
    },
    get database() {
      return address().database
    },
  }
}

const isOpenable = (borrowed: BorrowedSource): borrowed is OpenableSource =>
  typeof (borrowed as OpenableSource | null)?.open === 'function'

/** Calls `end` when the pool is no longer watched. */
function whenUnwatched(pool: Pool, end: () => void): void {
  const unwatch = pool.unwatch.bind(pool)
  pool.unwatch = () => {
    unwatch()
    end()
  }
}

/** Pools that an open engine watches, and the clients that make them: a second engine on one would report everything twice. */
const watched = processWide('watched pools', () => new WeakSet<object>())

function refuseSharing(name: string, ...sources: object[]): void {
  if (sources.some(source => watched.has(source))) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Engine "${name}" was given a pool that another engine has already: give each its own, or a request that takes both can wait for itself. Where this module is evaluated again (a reload), let the new engines take over from the old: createEngines({ … }, { hot: 'app' }).`,
      { engine: name },
    )
  }
  for (const source of sources) watched.add(source)
}
