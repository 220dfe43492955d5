import { warn } from '../channels/errors.ts'
import { whenReady, type DriverConnection } from '../dialect/connection.ts'
import { endsTransaction } from '../dialect/control.ts'
import type { DriverCallback } from '../dialect/result.ts'
import { refuseStream } from '../dialect/stream.ts'
import { Fifo } from '../sessions/fifo.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { BorrowerStatements, soon } from './borrower-statements.ts'
import { Cancels } from './cancels.ts'
import type { HostConnection } from './host-connection.ts'
import { HostGate, type GateTurn } from './host-gate.ts'
import { HostTransaction, type HostStatus } from './host-transaction.ts'
import { noHostConnection } from './sharing-errors.ts'

/** Is told what happens to a loan. */
export interface Lessee {
  granted(): void
  refused(error: Error): void
  /** No statement of the loan runs any more. */
  idle(): void
  /** The host has its connection back. */
  over(): void
  /** Whether the running code is inside a savepoint of the borrower. */
  isInside(): boolean
  /** The connection that the host uses for the running code. */
  current(): Promise<HostConnection | null | undefined>
}

/**
 * One borrowing of a host's connection, for a statement or for as long as a savepoint of the borrower is open. It is a
 * token: when it is over, or the host has released the connection, it sends nothing.
 */
export class Loan implements GateTurn {
  readonly hostWaitMs: number
  readonly #gate: HostGate
  readonly #host: HostTransaction
  readonly #statements: BorrowerStatements
  readonly #lessee: Lessee
  readonly #fifo = new Fifo()
  readonly #cancels = new Cancels()
  /** Number of the statement that runs, or ran last. */
  #turn = 0
  #isGranted = false
  #isOver = false
  /** The status of the host's transaction when the loan began. */
  #status: HostStatus = 'none'

  constructor(client: HostConnection, rules: BorrowRules, lessee: Lessee) {
    this.#gate = HostGate.of(client)
    this.#host = new HostTransaction(this.#gate, rules)
    this.#statements = new BorrowerStatements(this.#gate, this.#host, rules)
    this.#lessee = lessee
    this.hostWaitMs = rules.checkoutTimeoutMs
  }

  /** Queues for the connection. The lessee is told when it is granted, at once where it is free. */
  ask(): void {
    this.#gate.enter(this)
  }

  come(): void {
    this.#driver.whenStatusKnown(
      () => this.#begin(),
      (text, answered) => this.#gate.send([text, answered]),
    )
  }

  #begin(): void {
    // Given up while the server was asked.
    if (this.#isOver) return
    const refusal = this.#host.refusal(false)
    if (refusal) return this.#refuse(refusal)
    this.#isGranted = true
    this.#status = this.#host.status
    this.#gate.client.on('error', this.#onError)
    this.#gate.client.on('end', this.#onEnd)
    this.#lessee.granted()
  }

  lost(): void {
    this.#refuse(noHostConnection('the host has closed it'))
  }

  isInside(): boolean {
    return this.isInUnit && this.#lessee.isInside()
  }

  hostSends(config: unknown): void {
    const { reading, calls } = this.#driver.dialect
    const control = reading.ownersControl(calls.statementIn([config])?.text ?? '')
    if (endsTransaction(control)) this.#host.hasEnded = true
  }

  /** Whether a savepoint of the borrower is open. */
  get isInUnit(): boolean {
    return this.#statements.isInUnit
  }

  get isBusy(): boolean {
    return this.#fifo.busy
  }

  /**
   * A cancel of the running statement is on its way; the host gets the connection back after it. Returns a function
   * that says whether that statement still runs.
   */
  cancelling(asked: Promise<void>): () => boolean {
    this.#cancels.add(asked)
    const turn = this.#turn
    return () => this.isBusy && this.#turn === turn
  }

  /**
   * The host's connection for this statement, if it is another by now. A savepoint ends where it began, whatever the
   * host uses by then; all other statements belong to the transaction they are sent in.
   */
  elsewhere(config: unknown): Promise<HostConnection | undefined> | undefined {
    const { reading, calls } = this.#driver.dialect
    if (!this.isInUnit || reading.control(calls.statementIn([config])?.text ?? '')) return undefined
    const { client } = this.#gate
    return this.#lessee.current().then(
      current => (current && current !== client ? current : undefined),
      // A transaction that is over says so itself.
      () => undefined,
    )
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends a statement in its turn, in any of pg's forms. */
  query(args: unknown[]): unknown {
    const [config] = args
    const { calls, streams } = this.#driver.dialect
    if (streams.is(config)) {
      const refuse = (error: Error) => refuseStream(config, error)
      this.#line(refuse, done => this.#statements.submit(config, done))
      return config
    }
    const callback = calls.callbackOf(args)
    if (callback) {
      this.#push(args, callback.callback)
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.#push(args, (error, result) => (error ? reject(error) : resolve(result)))
    })
  }

  #push(args: unknown[], answer: DriverCallback): void {
    this.#line(answer, done => {
      const settle: DriverCallback = (error, result) => {
        try {
          answer(error, result)
        } finally {
          done()
        }
      }
      try {
        this.#statements.run(args, settle)
      } catch (error) {
        // pg throws for arguments that are not a statement; nothing was sent.
        soon(settle, error as Error)
      }
    })
  }

  #line(refuse: (error: Error) => void, run: (done: () => void) => void): void {
    const start = (done: () => void) => {
      this.#turn++
      // A cancel that is on its way was meant for the previous statement.
      this.#cancels.whenTaken(() => {
        const told = () => this.#told(done)
        if (!this.#isOver) return run(told)
        soon(() => {
          refuse(this.#host.ended(GIVEN_BACK))
          told()
        })
      })
    }
    this.#fifo.push({ refuse, start })
  }

  /** The running statement has been answered. Its callback may have ended the loan, or sent another statement. */
  #told(done: () => void): void {
    done()
    if (this.#fifo.busy) return
    if (this.#isOver) this.#finish()
    else this.#lessee.idle()
  }

  // ------------------------------------------------------------------------------------- the end

  /**
   * Returns the connection to the host, after waiting for what still runs and rolling back an open savepoint. Before
   * the grant, it gives up waiting instead.
   */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isGranted) return this.#gate.leave(this)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(this.#host.ended(GIVEN_BACK))
    if (!this.#fifo.busy) this.#finish()
  }

  get #driver(): DriverConnection {
    return this.#gate.driver
  }

  #refuse(error: Error): void {
    this.#isOver = true
    this.#gate.leave(this)
    this.#lessee.refused(error)
  }

  readonly #onError = (error: Error) => this.#lost(error)
  readonly #onEnd = () => this.#lost(new Error('the connection was closed'))

  #lost(cause: Error): void {
    if (!this.#isGranted) return
    this.#statements.forget()
    this.#isOver = true
    this.#fifo.refuseWaiting(this.#host.ended('the host has lost it', cause))
    // pg reports the loss to the running statement itself.
    if (!this.#fifo.busy) this.#leave()
  }

  /**
   * Ends the loan once the status is known: pg reports an error before it has read the transaction status that follows.
   */
  #finish(): void {
    // A cancel names the backend and not the statement: coming late it would hit the host's.
    if (this.#cancels.areUnderWay) return this.#cancels.whenTaken(() => this.#finish())
    // Until then the status is the one before the error.
    if (!this.#driver.isReady && !this.#host.isClosed)
      return whenReady(this.#driver, isOpen => (isOpen ? this.#finish() : this.#leave()))
    const { outermost } = this.#statements
    this.#statements.forget()
    // If the transaction is over, so is its savepoint; a transaction opened there since is not ours to touch.
    const { isClosed, isLeft, hasEnded, status } = this.#host
    if (outermost === undefined || isClosed || isLeft || hasEnded || status === 'none') return this.#leave()
    const { texts } = this.#driver.dialect
    this.#gate.send([
      texts.rollbackToSavepoint(outermost),
      () => whenReady(this.#driver, () => this.#leave()),
    ])
  }

  #leave(): void {
    if (!this.#isGranted) return
    this.#isGranted = false
    this.#gate.client.removeListener('error', this.#onError)
    this.#gate.client.removeListener('end', this.#onEnd)
    const { status, pid, isClosed, isLeft, hasEnded } = this.#host
    // If the transaction has ended, the host did it: the borrower's statements cannot end it.
    const isHosts = isClosed || isLeft || hasEnded || status === 'none'
    if (status !== this.#status && !isHosts) {
      warn(
        'EL_HOST_DISTURBED',
        `A borrower has left the host's connection (backend ${pid ?? 'unknown'}) ${STATUS[status]}, which was ${STATUS[this.#status]}.`,
      )
    }
    // First, because `leave` grants the next borrower its turn.
    this.#lessee.over()
    this.#gate.leave(this)
  }
}

const GIVEN_BACK = 'its borrower has given it back'

const STATUS: Record<HostStatus, string> = {
  none: 'outside of a transaction',
  open: 'in a transaction',
  failed: 'in a failed transaction',
}
