import { warn } from '../channels/errors.ts'
import { callbackOf, statementIn } from '../pool/statement-arguments.ts'
import { rollbackToSavepoint } from '../postgres/control.ts'
import { isSubmittable, type DriverCallback, type DriverConnection } from '../postgres/driver.ts'
import { whenReady } from '../postgres/ready.ts'
import { whenStatusKnown } from '../postgres/transaction-status.ts'
import { Fifo } from '../sessions/fifo.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { BorrowerStatements, refuseSubmittable, soon } from './borrower-statements.ts'
import { Cancels } from './cancels.ts'
import type { HostConnection } from './host-connection.ts'
import { HostGate, type GateTurn } from './host-gate.ts'
import { HostTransaction, type HostStatus } from './host-transaction.ts'
import { endsTransaction, ownersControl, readControl } from '../postgres/read-control.ts'
import { noHostConnection } from './sharing-errors.ts'

/** Who is told what becomes of a lease. */
export interface Lessee {
  granted(): void
  refused(error: Error): void
  /** Nothing of it runs any more. */
  idle(): void
  /** The connection is the host's again. */
  over(): void
  /** Whether the running code is inside of a savepoint of his. */
  isInside(): boolean
  /** The connection that the host has for the running code. */
  current(): Promise<HostConnection | null | undefined>
}

/**
 * One borrowing of a host's connection, for a statement or for as long as a savepoint of the borrower is open. It is a token: when
 * it is over, or the host has released the connection, it sends nothing.
 */
export class Loan implements GateTurn {
  readonly hostWaitMs: number
  readonly #gate: HostGate
  readonly #host: HostTransaction
  readonly #statements: BorrowerStatements
  readonly #lessee: Lessee
  readonly #fifo = new Fifo()
  readonly #cancels = new Cancels()
  /** Which statement runs, or was the last. */
  #turn = 0
  #isGranted = false
  #isOver = false
  /** The server's word on the host's transaction as the lease began. */
  #status: HostStatus = 'none'

  constructor(client: HostConnection, rules: BorrowRules, lessee: Lessee) {
    this.#gate = HostGate.of(client)
    this.#host = new HostTransaction(client, rules)
    this.#statements = new BorrowerStatements(this.#gate, this.#host, rules)
    this.#lessee = lessee
    this.hostWaitMs = rules.checkoutTimeoutMs
  }

  /** Lines up for the connection. The lessee is told, at once where it is free. */
  ask(): void {
    this.#gate.enter(this)
  }

  come(): void {
    whenStatusKnown(
      this.#driver,
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
    const control = ownersControl(statementIn([config])?.text ?? '')
    if (endsTransaction(control)) this.#host.hasEnded = true
  }

  /** Whether a savepoint of the borrower is open. */
  get isInUnit(): boolean {
    return this.#statements.isInUnit
  }

  get isBusy(): boolean {
    return this.#fifo.busy
  }

  /** A cancel of what runs is on its way; the host gets the connection back after it. Returns whether that still runs. */
  cancelling(asked: Promise<void>): () => boolean {
    this.#cancels.add(asked)
    const turn = this.#turn
    return () => this.isBusy && this.#turn === turn
  }

  /** A savepoint ends where it began, whatever the host is at by then; all else belongs to the transaction that it is sent in. */
  elsewhere(config: unknown): Promise<HostConnection | undefined> | undefined {
    if (!this.isInUnit || readControl(statementIn([config])?.text ?? '')) return undefined
    const { client } = this.#gate
    return this.#lessee.current().then(
      current => (current && current !== client ? current : undefined),
      // It says so itself of a transaction that is over.
      () => undefined,
    )
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends a statement in its turn, in any of the forms that pg takes. */
  query(args: unknown[]): unknown {
    const [config] = args
    if (isSubmittable(config)) {
      const refuse = (error: Error) => refuseSubmittable(config, error)
      this.#line(refuse, done => this.#statements.submit(config, done))
      return config
    }
    const callback = callbackOf(args)
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
        // pg throws for arguments that are no statement; nothing was sent.
        soon(settle, error as Error)
      }
    })
  }

  #line(refuse: (error: Error) => void, run: (done: () => void) => void): void {
    const start = (done: () => void) => {
      this.#turn++
      // One that is on its way was meant for the statement before.
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

  /** The statement that ran is answered. Whoever was told of that may have ended the lease, or sent another. */
  #told(done: () => void): void {
    done()
    if (this.#fifo.busy) return
    if (this.#isOver) this.#finish()
    else this.#lessee.idle()
  }

  // ------------------------------------------------------------------------------------- the end

  /**
   * Gives the connection back to the host: what still runs is waited for, a savepoint that is open is rolled back. Whoever
   * ends it first gives up waiting.
   */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isGranted) return this.#gate.leave(this)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(this.#host.ended(GIVEN_BACK))
    if (!this.#fifo.busy) this.#finish()
  }

  get #driver(): DriverConnection {
    return this.#gate.client as unknown as DriverConnection
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
    // pg tells the statement that runs of the loss by itself.
    if (!this.#fifo.busy) this.#leave()
  }

  /** The lease is over. pg tells of an error before it has read what the server says of the transaction. */
  #finish(): void {
    // One names the backend and not the statement: coming late it would hit the host's.
    if (this.#cancels.areUnderWay) return this.#cancels.whenTaken(() => this.#finish())
    // Until then the status is the one from before an error.
    if (this.#driver.readyForQuery === false && !this.#host.isClosed)
      return whenReady(this.#driver, isOpen => (isOpen ? this.#finish() : this.#leave()))
    const { outermost } = this.#statements
    this.#statements.forget()
    // The savepoint of a transaction that is over is gone; a transaction that somebody else has open there is not ours to touch.
    const { isClosed, isLeft, hasEnded, status } = this.#host
    if (outermost === undefined || isClosed || isLeft || hasEnded || status === 'none') return this.#leave()
    this.#gate.send([rollbackToSavepoint(outermost), () => whenReady(this.#driver, () => this.#leave())])
  }

  #leave(): void {
    if (!this.#isGranted) return
    this.#isGranted = false
    this.#gate.client.removeListener('error', this.#onError)
    this.#gate.client.removeListener('end', this.#onEnd)
    const { status, pid, isClosed, isLeft, hasEnded } = this.#host
    // An end of the transaction is the host's doing: what the borrower sends cannot be one.
    const isHosts = isClosed || isLeft || hasEnded || status === 'none'
    if (status !== this.#status && !isHosts) {
      warn(
        'EL_HOST_DISTURBED',
        `A borrower has left the host's connection (backend ${pid ?? 'unknown'}) ${STATUS[status]}, which was ${STATUS[this.#status]}.`,
      )
    }
    // First: whoever is next is granted it within `leave`.
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
