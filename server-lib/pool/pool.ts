import type { DriverConnection } from '../dialect/connection.ts'
import type { Asker, Books } from './books.ts'
import type { WatchedConnections } from './watched-connections.ts'

/** Receives the pool's answer to a request. One of the three methods is called, once. */
export interface Taker {
  /** When the taker gives up by itself, in milliseconds of a running event loop. */
  readonly timeoutMs: number
  granted(hold: Hold): void
  refused(cause: unknown): void
  /** The pool's own limit has passed. */
  timedOut(cause: unknown): void
}

/** Gives up waiting. A connection that is granted afterwards still goes to the taker, which releases it. */
export type GiveUp = () => void

/** A checked-out connection, and the two ways to give it back. Each hold is given back once. */
export interface Hold {
  readonly driver: DriverConnection
  release(): void
  /**
   * Closes the connection instead of returning it; the pool opens another when it needs one. A borrowed one is only
   * returned.
   */
  discard(): void
}

/** What an engine needs of a pool. Knex's (tarn) and pg's own both fit through a thin adapter. */
export interface Pool {
  readonly books: Books
  readonly connections: WatchedConnections
  readonly min: number
  readonly max: number
  /** Whether a connection is being opened now; undefined for a pool that opens none by itself. */
  readonly isOpening?: boolean
  /** Uses callbacks: each promise in between would cost every check-out some microtasks. */
  acquire(asker: Asker, taker: Taker): GiveUp
  /** Stops watching, and restores the pool as it was found. */
  unwatch(): void
  /** Closes all connections. Waits for those that are held. */
  destroy(): Promise<void>
  /** After `destroy`: destroys every socket that is left, and refuses what still waits for a connection. */
  cut(): void
}
