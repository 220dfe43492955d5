import type { Knex } from 'knex'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Dialect } from '../dialect/dialect.ts'
import type { Books } from '../pool/books.ts'
import type { InContext } from '../pool/in-context.ts'
import type { Pool } from '../pool/pool.ts'
import type { CheckedOptions, PoolSizes } from './engine-config.ts'
import type { ServerAddress, ServerDoor } from './server-door.ts'

/** A database as engines open it: its dialect, and the sources of connections that its driver offers. */
export interface Database {
  readonly dialect: Dialect
  /** The client of knex for it, by its usual name. */
  readonly knexClient: string
  /** What to install for it: `knex pg`. */
  readonly peers: readonly string[]
  /** What a knex needs to build statements for it without asking the server. */
  readonly builderConfig: Knex.Config
  /**
   * What a knex of a session has in place of its client's own methods. It sends by `connection.query(statement, callback)`:
   * a session's connection has no other way. Undefined for a client that does so by itself.
   */
  readonly knexMethods?: Record<string, (this: any, ...args: any[]) => unknown>
  /** Whether a client of knex is for it, by its name or the client itself. */
  isKnexClient(name: string, client?: object): boolean
  /** Whether a `connection` is meant for it, as a URL says by its scheme. Settings without one are for the first database. */
  isConnection(connection: unknown): boolean
  /** What a knex is made of for an engine's `connection`. Throws EL_CONFIG for one that cannot be meant so. */
  knexConfig(
    name: string,
    connection: unknown,
    options: CheckedOptions,
    sizes: Required<PoolSizes>,
  ): Knex.Config
  /** The server's address, as the settings of a connection tell it. */
  addressOf(settings: Record<string, unknown> | undefined): ServerAddress
  /** How to reach the server directly. Read on each call, because a pool may get its settings later. */
  door(settings: () => object, Client: unknown): () => ServerDoor
  /** Whether connections of this class cannot tell whether a transaction is open: before there is any. */
  cannotTellStatus(Client: unknown): boolean
  /** Keeps the connections that a knex of our own is opening: its pool tells of one only when it is ready. */
  keepOpening?(client: object): ReadonlySet<DriverConnection>
  /** The driver's own pools. Undefined for a driver without. */
  readonly nativePools?: NativePools
}

/** The pools of a driver, as an application makes them without knex. */
export interface NativePools {
  is(value: unknown): boolean
  watch(pool: object, books: Books, inContext: InContext): Pool
  settingsOf(pool: object): object
  clientOf(pool: object): unknown
  /** How that knex takes a connection, and gives one back. */
  acquire(pool: object): Promise<object>
  release(connection: object): void
}

const databases: Database[] = []

/** Lets engines be opened on a database. The first of all is the one for a `connection` that does not say. */
export function knowDatabase(database: Database): void {
  if (!databases.includes(database)) databases.push(database)
}

export const knownDatabases = (): readonly Database[] => databases

/** The database of a knex client, by its name or the client itself; undefined for one of a database that is not known. */
export const databaseOfClient = (name: string, client?: object): Database | undefined =>
  databases.find(one => one.isKnexClient(name, client))

/** The database of a host's connections: hosts lend those of the first one. */
export const hostDatabase = (): Database => databases[0] as Database
