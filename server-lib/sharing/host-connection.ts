import type { StatusByte } from '../channels/words.ts'

type Listener = (...args: any[]) => void

/** The parts of a host's connection that we use: pg's `Client` and `PoolClient` have all of them. */
export interface HostConnection {
  query(...args: any[]): any
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  /**
   * The transaction status that the server last reported. pg 8.21 and newer; for older ones it is read from the
   * protocol.
   */
  getTransactionStatus?(): StatusByte | null
  /** The backend's process id. */
  readonly processID?: number | null
  /** For a connection that stands for a single transaction: whether that is over. */
  readonly isOver?: boolean
  readonly host?: string
  readonly port?: number
  readonly database?: string
}

/** Returns the connection that the host is using now. Called at every check-out, in the caller's async context. */
export type CurrentConnection = () =>
  | HostConnection
  | null
  | undefined
  | Promise<HostConnection | null | undefined>
