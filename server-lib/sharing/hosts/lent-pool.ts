import { AsyncResource } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import { callbackOf } from '../../postgres/statement-arguments.ts'
import type { ServerSettings } from '../../engines/server-door.ts'
import type { SessionCore } from '../../sessions/session.ts'
import { LentClient, type LentKind } from './lent-client.ts'
import type { LentOptions } from '../lent-options.ts'

type ConnectCallback = (
  error: Error | undefined,
  client: LentClient | undefined,
  release: (error?: unknown) => void,
) => void

/** What a host library takes for pg's pool. Every client from it uses the session's one connection. */
export interface LentPool extends EventEmitter {
  connect(): Promise<LentClient>
  connect(callback: ConnectCallback): void
  query(...args: any[]): any
  /** Does nothing: the session's owner ends it. */
  end(): Promise<void>
  end(callback: () => void): void
  /**
   * How to reach the session's server, for a library that opens a connection of its own. Contains passwords, as
   * non-enumerable properties.
   */
  readonly options: ServerSettings
  /** Its one connection, which is the session's. */
  readonly totalCount: number
  readonly idleCount: number
  /** Clients that were checked out beside another, and take turns with it. */
  readonly waitingCount: number
}

/** pg's `Pool`, of any version, or a class that extends it. */
export type PoolClass = new (...args: any[]) => object

/** Returns the session that is lent now. */
export type Lender = () => SessionCore

type MakePool = new (lender: Lender, options: LentOptions) => LentPool

const classes = new WeakMap<PoolClass, MakePool>()

/**
 * The class of lent pools that are instances of `base`, as some hosts require. Its name contains `Pool`, because
 * Drizzle checks for that.
 */
export function lentPoolClass(base: PoolClass): MakePool {
  let made = classes.get(base)
  if (!made) classes.set(base, (made = makeClass(base)))
  return made
}

function makeClass(base: PoolClass): MakePool {
  // A pg pool opens nothing as long as `connect` is not called on it.
  return class LentPool extends base {
    readonly #lender: Lender
    readonly #options: LentOptions

    /** How many clients are checked out. */
    #out = 0

    constructor(lender: Lender, options: LentOptions) {
      super()
      this.#lender = lender
      this.#options = options
      // pg sets these two on the pool itself, and they name the server that it would connect to on its own.
      const get = (read: () => unknown) => ({ get: read, configurable: true, enumerable: false })
      Object.defineProperties(this, {
        options: get(() => poolOptions(() => lender().engine.door.settings)),
        Client: get(() => hereOrUndefined(() => lender().engine.door.Client)),
      })
    }

    get totalCount(): number {
      return 1
    }

    get idleCount(): number {
      return this.#out === 0 ? 1 : 0
    }

    get waitingCount(): number {
      return Math.max(0, this.#out - 1)
    }

    connect(callback?: ConnectCallback): Promise<LentClient> | undefined {
      const connected = Promise.resolve().then(() => {
        const client = this.#client('connected', () => void this.#out--)
        this.#out++
        return client
      })
      return callback ? void tellConnected(connected, AsyncResource.bind(callback)) : connected
    }

    query(...args: unknown[]): unknown {
      let client: LentClient
      try {
        client = this.#client('for one statement')
      } catch (error) {
        const given = callbackOf(args)
        if (!given) return Promise.reject(error as Error)
        return void process.nextTick(given.callback, error as Error)
      }
      return client.query(...args)
    }

    end(callback?: () => void): Promise<void> | undefined {
      return callback ? void process.nextTick(callback) : Promise.resolve()
    }

    #client(kind: LentKind, released?: () => void): LentClient {
      const core = this.#lender()
      core.requireNotEnded()
      return new LentClient(core, this.#options, kind, released)
    }
  } as unknown as MakePool
}

/**
 * Settings that a library may read where there is no session, for use later. Each is read once there is a session, and
 * throws before.
 */
const LATER = ['host', 'port', 'database', 'user', 'password', 'ssl']

/** The settings of a pool with one connection. */
function poolOptions(read: () => ServerSettings): ServerSettings {
  const settings = hereOrUndefined(read)
  const known = settings
    ? Object.getOwnPropertyDescriptors(settings)
    : Object.fromEntries(
        LATER.map(name => [
          name,
          { get: () => read()[name], enumerable: name !== 'password', configurable: true },
        ]),
      )
  const max = { value: 1, enumerable: true, configurable: true, writable: true }
  return Object.defineProperties({}, { ...known, max }) as ServerSettings
}

/** Undefined where the function gives no session: outside of a request. */
function hereOrUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function tellConnected(connected: Promise<LentClient>, callback: ConnectCallback): void {
  connected.then(
    client => process.nextTick(callback, undefined, client, (error?: unknown) => client.release(error)),
    (error: Error) => process.nextTick(callback, error, undefined, () => {}),
  )
}
