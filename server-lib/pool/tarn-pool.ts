import type { Emitter } from '../watch/listener-contexts.ts'

/** The parts of knex's pool (tarn) that we use. */
export interface TarnPool {
  readonly min: number
  readonly max: number
  /** How long a request may wait, read at each `acquire()`. */
  acquireTimeoutMillis?: number | undefined
  acquire(): { promise: Promise<object>; abort(): void }
  release(connection: object): boolean
  on(event: string, listener: (...args: never[]) => void): void
  removeListener(event: string, listener: (...args: never[]) => void): void
  readonly used?: readonly { resource: object }[]
  readonly free?: readonly { resource: object }[]
  readonly pendingAcquires?: readonly { abort(): void }[]
  readonly pendingCreates?: readonly unknown[]
  destroy(): Promise<unknown>
  readonly emitter?: Emitter
  log?(text: string, level: string): void
}

/** The parts of knex's client that concern its pool. After a `destroy`, `initializePool` makes a new one. */
export interface PoolOwner {
  readonly config: Record<string, unknown>
  readonly pool?: TarnPool | undefined
  initializePool?(...args: unknown[]): unknown
}

/** Whether it is a pool of knex (tarn), or one that the application made for several knexes. */
export function isTarnPool(value: object): value is TarnPool {
  const pool = value as Record<string, unknown>
  return ['acquire', 'release', 'on', 'removeListener', 'destroy'].every(
    name => typeof pool[name] === 'function',
  )
}

/** The timeout of tarn, knex's pool: the same error for a wait and for a connection that does not open. */
export function isTarnTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'operation timed out for an unknown reason'
}
