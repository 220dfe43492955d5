import type { DriverConnection } from '../postgres/driver.ts'
import type { Asker, Books } from './books.ts'
import type { WatchedConnections } from './watched-connections.ts'

/** Whoever asked a pool for a connection. One of the three is called, once. */
export interface Taker {
  /** When it gives up by itself, in milliseconds of an event loop that runs. */
  readonly timeoutMs: number
  granted(hold: Hold): void
  refused(cause: unknown): void
  /** The pool has a limit of its own, which has passed. */
  timedOut(cause: unknown): void
}

/** Gives up waiting. A connection that is granted all the same is still given to the taker, who returns it. */
export type GiveUp = () => void

/** A connection in hand, and the two ways to give it back. Each hold is given back once. */
export interface Hold {
  readonly driver: DriverConnection
  release(): void
  /** Closes the connection instead; the pool opens another when it needs one. A borrowed one is only given back. */
  discard(): void
}

/** What an engine needs of a pool. Knex's (tarn) and pg's own both fit, each by a thin file. */
export interface Pool {
  readonly books: Books
  readonly connections: WatchedConnections
  readonly min: number
  readonly max: number
  /** Whether a connection is being opened now. Of a pool that opens none by itself: undefined. */
  readonly isOpening?: boolean
  /** With callbacks: each promise in between would cost every check-out some microtasks. */
  acquire(asker: Asker, taker: Taker): GiveUp
  /** Stops watching: the pool is as we found it. */
  unwatch(): void
  /** Closes all connections. Waits for those that are held. */
  destroy(): Promise<void>
  /** After `destroy`: destroys every socket that is left, and refuses those who still wait for a connection. */
  cut(): void
}
