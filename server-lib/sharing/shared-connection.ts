import { EventEmitter } from 'node:events'
import type { Beginning, BorrowedConnection, DriverConnection } from '../dialect/connection.ts'
import type { Dialect } from '../dialect/dialect.ts'
import type { Failure } from '../dialect/errors.ts'
import { onReady } from '../dialect/ready.ts'
import type { DriverCallback } from '../dialect/result.ts'
import { isTextAndValues, type TextAndValues } from '../dialect/statement.ts'
import { refuseStream, type DriverStream } from '../dialect/stream.ts'
import type { StatementWatch } from '../dialect/statement-watch.ts'
import type { TransactionStatus } from '../dialect/transaction-status.ts'
import type { HostConnection } from './host-connection.ts'
import type { Loan } from './loan.ts'
import { leaseEnded, noHostConnection } from './sharing-errors.ts'

const NOTHING = () => {}

/**
 * A host's connection as an engine sees it: statements sent on it go through the current loan. It has a place in that
 * engine's books, and no life of its own: nothing that is done to it closes the host's.
 */
export class SharedConnection extends EventEmitter implements DriverConnection, BorrowedConnection {
  readonly client: HostConnection
  readonly dialect: Dialect
  readonly canBringBegin = cannotBringBegin
  readonly #host: DriverConnection
  loan: Loan | undefined

  constructor(dialect: Dialect, client: HostConnection) {
    super()
    this.dialect = dialect
    this.client = client
    this.#host = dialect.connectionOf(client)
  }

  /** Its `query` is what a watch of its statements shadows. */
  get raw(): this {
    return this
  }

  get borrowed(): this {
    return this
  }

  get isInUnit(): boolean {
    return this.loan?.isInUnit === true
  }

  elsewhere(statement: unknown): Promise<HostConnection | undefined> | undefined {
    return this.loan?.elsewhere(statement)
  }

  /** In all forms of the host's driver. */
  query(...args: unknown[]): unknown {
    const { loan } = this
    if (!loan) throw leaseEnded(this.serverId, 'nothing borrows it')
    const [config] = args
    // The driver would throw in its socket's listener, which would end the process.
    if (!this.takesStreams && this.dialect.streams.is(config)) {
      const error = noHostConnection(
        "a connection of pg-native runs only texts with values: streams, cursors and toArrow() need pg's own client",
      )
      queueMicrotask(() => refuseStream(config, error))
      return config
    }
    return loan.query(args)
  }

  send(statement: unknown, answer: DriverCallback): void {
    if (isTextAndValues(statement)) this.query(statement.text, statement.values, answer)
    else this.query(statement, answer)
  }

  stream(stream: DriverStream): void {
    this.query(stream)
  }

  sendWithBegin(statement: TextAndValues, _beginning: Beginning, answer: DriverCallback): void {
    this.send(statement, answer)
  }

  enclosed(): undefined {
    return undefined
  }

  /** The loan does that. */
  oneByOne(): () => void {
    return NOTHING
  }

  get serverId(): number | null {
    return this.#host.serverId
  }

  get status(): TransactionStatus {
    return this.#host.status
  }

  get canTellStatus(): boolean {
    return this.#host.canTellStatus
  }

  /** Whether neither the borrower nor the host has a statement running. */
  get isReady(): boolean {
    return this.loan?.isBusy !== true && this.#host.isReady
  }

  /**
   * Whether the host has closed it, as far as can be seen without listening. A connection for a single transaction is
   * closed with it.
   */
  get isClosed(): boolean {
    return this.#host.isClosed || this.client.isOver === true
  }

  get takesStreams(): boolean {
    return this.#host.takesStreams
  }

  onReady(ready: (isOpen: boolean) => void): () => void {
    return onReady(this, ready)
  }

  whenStatusKnown(then: () => void, send: (text: string, answered: () => void) => unknown): void {
    this.#host.whenStatusKnown(then, send)
  }

  /** The host's own is followed for as long as the host has it. */
  followStatus(): () => void {
    return NOTHING
  }

  onWritable(): undefined {
    return undefined
  }

  watchStatements(watch: StatementWatch): () => void {
    return this.dialect.watchStatements(this, watch)
  }

  /** They are the host's. */
  bindListeners(): () => void {
    return NOTHING
  }

  /** An error of the driver alone, unless the host has closed the connection. */
  failureOn(error: Error): Failure | 'driver' {
    const { errors } = this.dialect
    if (errors.codeOf(error) !== undefined) return errors.failureOf(error)
    return this.isClosed || errors.isUnanswered(error) ? 'connection' : 'driver'
  }

  traffic(): string | undefined {
    return this.#host.traffic()
  }

  /** Only the borrower's statement, so nothing while it is not lent. */
  cancel(over?: Promise<void>): Promise<void> {
    if (!this.loan) return Promise.resolve()
    return this.#host.cancel(over, asked => this.loan?.cancelling(asked) ?? (() => false))
  }

  // What closes a connection does not close a host's.
  forgetPrepared(): void {}
  end(): void {}
  endWithin(): void {}
  cut(): void {}
}

/** BEGIN is the host's. */
const cannotBringBegin = (_statement: unknown): _statement is TextAndValues => false
