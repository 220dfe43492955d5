import type { TransactionStatus } from '../dialect/transaction-status.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { BorrowRules } from './borrow-rules.ts'
import type { HostGate } from './host-gate.ts'
import * as errors from './sharing-errors.ts'
import { tenureOf, type Tenure } from './tenure.ts'

export type HostStatus = Exclude<TransactionStatus, 'unknown'>

/** What a borrower can know of the host's transaction, from when it was given the connection. */
export class HostTransaction {
  readonly #driver: DriverConnection
  readonly #rules: BorrowRules
  readonly #tenure: Tenure
  /**
   * The host has ended it from inside a savepoint of the borrower: whatever is open on the connection after that is
   * another one.
   */
  hasEnded = false

  constructor({ client, driver }: HostGate, rules: BorrowRules) {
    this.#driver = driver
    this.#rules = rules
    this.#tenure = tenureOf(client)
  }

  /** The status that the server last reported. A connection without any report counts as having no transaction. */
  get status(): HostStatus {
    const { status } = this.#driver
    return status === 'unknown' ? 'none' : status
  }

  get isClosed(): boolean {
    return this.#driver.isClosed
  }

  /** Whether the connection may be in other hands by now. */
  get isLeft(): boolean {
    return this.#tenure() !== undefined
  }

  get pid(): number | null {
    return this.#driver.serverId
  }

  /** Why nothing can be sent now, in a savepoint or outside of one; undefined if it can. */
  refusal(isInUnit: boolean): Error | undefined {
    const left = this.#tenure()
    if (left !== undefined) return this.ended(left)
    if (this.hasEnded) return this.ended(ENDED)
    const { status } = this
    if (isInUnit) return status === 'none' ? this.ended(ENDED) : undefined
    if (this.isClosed) return errors.noHostConnection('the host has closed it')
    if (status === 'failed') return this.failed()
    if (status === 'open') return undefined
    if (this.#rules.requireTransaction) return this.none('the borrower needs one')
    if (this.#rules.access === 'read') return this.none("access 'read' is kept by a savepoint in one")
    return undefined
  }

  none(needs: string, cause?: unknown): Error {
    return errors.noHostTransaction(this.pid, needs, cause)
  }

  failed(cause?: unknown): Error {
    return errors.hostTransactionFailed(this.pid, cause)
  }

  ended(why: string, cause?: Error): Error {
    return errors.leaseEnded(this.pid, why, cause)
  }
}

const ENDED = 'the host has ended the transaction in which a savepoint of the borrower was open'
