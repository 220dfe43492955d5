import type { Listener, StatusByte } from '../postgres/driver.ts'

/** The parts of a host's connection that we use: pg's `Client` and `PoolClient` have them all. */
export interface HostConnection {
  query(...args: any[]): any
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  /** The server's last word on its transaction. pg 8.21 and newer; of an older one it is read from the protocol. */
  getTransactionStatus?(): StatusByte | null
  /** The backend's process id. */
  readonly processID?: number | null
  /** Of one that stands for a single transaction: whether that is over. */
  readonly isOver?: boolean
  readonly host?: string
  readonly port?: number
  readonly database?: string
}

/** Gives the connection that the host is using now. Asked at every check-out, in the context of whoever asks. */
export type CurrentConnection = () =>
  | HostConnection
  | null
  | undefined
  | Promise<HostConnection | null | undefined>
