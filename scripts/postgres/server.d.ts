export interface RunningPostgres {
  /** Of the superuser, on the database `postgres`. */
  readonly url: string
  readonly port: number
  /**
   * Ends the server and keeps its data: `smart` waits for its clients, `fast` sends them away, `immediate` leaves them
   * and the data as a crash would.
   */
  halt(how?: 'smart' | 'fast' | 'immediate'): Promise<void>
  /** Starts it again after a `halt`, on the same port. Resolves when it is ready. */
  start(): Promise<void>
  /** Settles when it was stopped, or when it ended by itself. */
  readonly ended: Promise<void>
  /** Ends the server and removes its folder. */
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** Server settings, as `-c name=value`. */
  settings?: Record<string, string | number>
  /** The folder in which it makes its own. Default: that of temporary files. */
  parent?: string
  /** Stops it, also on its way up. */
  signal?: AbortSignal
}

/** Starts a real PostgreSQL on a free loopback port. Ready in about a second. */
export function startPostgres(options?: PostgresOptions): Promise<RunningPostgres>
