import type { Knex } from 'knex'
import { EnginelightError } from '../channels/errors.ts'
import { processWide } from '../identity/process-wide.ts'
import type { InContext } from '../pool/in-context.ts'
import { KnexPool } from '../pool/knex-pool.ts'
import { isTarnPool, type TarnPool } from '../pool/tarn-pool.ts'
import { Books } from '../pool/books.ts'
import { NativePool, type PgPool } from '../postgres/native-pool.ts'
import { keepOpening, type DriverOwner } from '../postgres/opening-connections.ts'
import type { Pool } from '../pool/pool.ts'
import { isMute } from '../postgres/transaction-status.ts'
import { watchKnexLines } from '../watch/knex-lines.ts'
import { knexFor, makeKnex, requirePostgres } from './make-knex.ts'
import { onPool, poolOfOne } from './transacting-knex.ts'
import { serverAddressOf, type ServerAddress } from '../postgres/server-address.ts'
import { serverDoor, type ClientClass, type ServerDoor } from '../postgres/server-settings.ts'
import { describe } from '../channels/describe.ts'
import {
  isPgPool,
  isPoolSource,
  type BorrowedSource,
  type OpenableSource,
  type CheckedOptions,
  type EngineConfig,
} from './engine-config.ts'

/** A connection of a pg.Pool that knex holds. */
interface KnexConnection {
  readonly __knex__disposed?: unknown
  release(destroy: boolean): void
}

/** What is used of knex's client object. */
export interface KnexClient extends DriverOwner {
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
  const books = new Books(name, poolName)
  if (config.connection !== undefined) {
    return fromKnex(name, knexFor(name, config, options), books, 'connection', true, inContext)
  }
  if (config.knex !== undefined) {
    const { knex } = config
    if (isKnex(knex)) return fromKnex(name, knex, books, 'knex', false, inContext)
    if (typeof knex === 'function') {
      return fromKnex(name, made(name, 'knex', knex as () => unknown, isKnex), books, 'knex', true, inContext)
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
    return fromKnex(name, makeKnex(name, knex), books, 'knex', owned, inContext)
  }
  if (config.borrowed !== undefined) return fromHost(name, config.borrowed, books, options, found)
  if (isPoolSource(config.pool)) {
    const given = isPgPool(config.pool)
    const pool = isPgPool(config.pool) ? config.pool : made(name, 'pool', config.pool, isPgPool)
    return fromNativePool(name, pool, books, !given, inContext)
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
  books: Books,
  source: 'connection' | 'knex',
  owned: boolean,
  inContext: InContext,
): OpenPool {
  const client = knex.client as KnexClient
  const { client: configured } = client.config
  requirePostgres(name, typeof configured === 'string' ? configured : client.constructor.name, client)
  const { connectionPool } = client.config
  if (isPgPool(connectionPool)) return fromConnectionPool(name, knex, connectionPool, books, owned, inContext)
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
  refuseSharing(name, tarn, client)
  const unwatchLines = watchKnexLines(knex)
  if (isMute(client.driver?.Client)) books.transactionsAreUnknown()
  // Before `keepOpening` replaces the driver by ours, which tracks connections that are being opened.
  const door = serverDoor(
    () => client.connectionSettings ?? {},
    client.driver?.Client as ClientClass | undefined,
  )
  const opening = owned ? keepOpening(client) : undefined
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
  return { knex, pool, source, owned, door, ...serverAddressOf(client.connectionSettings) }
}

/** A knex on a pg.Pool of the application (knex 3.3): the pool is watched. */
function fromConnectionPool(
  name: string,
  knex: Knex,
  connectionPool: PgPool,
  books: Books,
  owned: boolean,
  inContext: InContext,
): OpenPool {
  const open = fromNativePool(name, connectionPool, books, owned, inContext)
  whenUnwatched(open.pool, watchKnexLines(knex))
  return { ...open, knex, source: 'knex' }
}

function fromNativePool(
  name: string,
  given: PgPool,
  books: Books,
  owned: boolean,
  inContext: InContext,
): OpenPool {
  refuseSharing(name, given)
  if (isMute(given.Client)) books.transactionsAreUnknown()
  const pool = new NativePool(given, books, inContext)
  const connect = () => given.connect() as Promise<KnexConnection>
  // A connection that knex has given up on still runs its statement.
  const release = (connection: KnexConnection) => (connection.release(!!connection.__knex__disposed), true)
  whenUnwatched(pool, () => watched.delete(given))
  // Only builds statements; they run on the pool's connections through sessions. The version saves the `select
  // version()` that knex would send on a pool that is not its own.
  const knex = makeKnex(name, {
    client: 'pg',
    connectionPool: given,
    version: '18.0',
  } as unknown as Knex.Config)
  onPool(knex, poolOfOne(connect, release))
  const door = serverDoor(() => given.options, given.Client as ClientClass | undefined)
  return { knex, pool, source: 'pg.Pool', owned, door, ...serverAddressOf(given.options) }
}

/** A pool of a host's connections. The server's address becomes known when the first one is borrowed. */
function fromHost(
  name: string,
  borrowed: BorrowedSource,
  books: Books,
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
  refuseSharing(name, borrowed)
  const { pool, knex, address } = borrowed.open(books, options, found)
  whenUnwatched(pool, () => watched.delete(borrowed))
  return {
    knex,
    pool,
    source: 'borrowed',
    owned: false,
    // A session on a borrowed connection cannot be lent.
    door: serverDoor(() => ({}), undefined),
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
