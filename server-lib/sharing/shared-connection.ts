import { EventEmitter } from 'node:events'
import {
  isClosed,
  isSubmittable,
  type DriverConnection,
  type DriverWire,
  type StatusByte,
} from '../postgres/driver.ts'
import { statusByteOf } from '../postgres/transaction-status.ts'
import type { HostConnection } from './host-connection.ts'
import type { Loan } from './loan.ts'
import { leaseEnded, noHostConnection } from './sharing-errors.ts'

/**
 * A host's connection as an engine sees it: statements sent on it go through the current loan. It has a place in that
 * engine's books, and no life of its own: nothing that is done to it closes the host's.
 */
export class SharedConnection extends EventEmitter implements DriverConnection {
  readonly isBorrowed = true
  readonly client: HostConnection
  loan: Loan | undefined

  constructor(client: HostConnection) {
    super()
    this.client = client
  }

  query(...args: unknown[]): unknown {
    const { loan } = this
    if (!loan) throw leaseEnded(this.processID, 'nobody borrows it')
    const [config] = args
    // It throws in its socket's listener, which would end the process.
    if (this.native !== undefined && isSubmittable(config)) {
      const error = noHostConnection(
        "that of pg-native runs texts with values, and for what drives the protocol itself it takes pg's own client",
      )
      queueMicrotask(() => (config.destroy ? config.destroy(error) : config.handleError?.(error)))
      return config
    }
    return loan.query(args)
  }

  end(): Promise<void> {
    return Promise.resolve()
  }

  get isInUnit(): boolean {
    return this.loan?.isInUnit === true
  }

  elsewhere(config: unknown): Promise<HostConnection | undefined> | undefined {
    return this.loan?.elsewhere(config)
  }

  cancelling(asked: Promise<void>): () => boolean {
    return this.loan?.cancelling(asked) ?? (() => false)
  }

  /** Whether neither the borrower nor the host has a statement running. */
  get readyForQuery(): boolean {
    return this.loan?.isBusy !== true && this.#driver.readyForQuery !== false
  }

  getTransactionStatus(): StatusByte | null {
    return statusByteOf(this.#driver)
  }

  get processID(): number | null {
    return this.client.processID ?? null
  }

  /**
   * Whether the host has closed it, as far as can be seen without listening. A connection for a single transaction is
   * closed with it.
   */
  get isClosed(): boolean {
    return isClosed(this.#driver) || this.client.isOver === true
  }

  get _queryable(): boolean {
    return !this.isClosed
  }

  // Cancels a statement over another socket. Only the borrower's, so undefined while it is not lent.

  get cancelRunning(): (() => Promise<void>) | undefined {
    return this.loan && this.#driver.cancelRunning?.bind(this.client)
  }

  get secretKey(): unknown {
    return this.loan && this.#driver.secretKey
  }

  get native(): unknown {
    return this.#driver.native
  }

  get host(): string | undefined {
    return this.#driver.host
  }

  get port(): number | undefined {
    return this.#driver.port
  }

  get ssl(): unknown {
    return this.#driver.ssl
  }

  get connection(): DriverWire | undefined {
    return this.#driver.connection
  }

  get #driver(): DriverConnection {
    return this.client as unknown as DriverConnection
  }
}
