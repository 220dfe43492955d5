import type { Listener, PgClient } from './driver.ts'

export type PooledConnection = PgClient & { release(destroy?: boolean | Error): void }
export type ConnectCallback = (
  error: Error | undefined,
  connection: PooledConnection | undefined,
  release: (error?: unknown) => void,
) => void

/** The parts of `pg.Pool` that we use. */
export interface PgPool {
  readonly options: { readonly min?: number; readonly max?: number }
  /** The class of its connections. */
  readonly Client?: unknown
  connect(): Promise<PooledConnection>
  connect(callback: ConnectCallback): void
  end(): Promise<void>
  on(event: string, listener: Listener): unknown
  prependListener(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  readonly _clients?: readonly PooledConnection[]
  readonly _idle?: readonly { client: PooledConnection }[]
  readonly _pendingQueue?: { callback(error: Error): void }[]
}

export function isPgPool(value: unknown): value is PgPool {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { connect?: unknown }).connect === 'function' &&
    // A client of pg has no `options`.
    typeof (value as { options?: unknown }).options === 'object'
  )
}

/** pg-pool's own timeout: no connection was released, or the one being opened did not open. */
export function isPoolTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}
