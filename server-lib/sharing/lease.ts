import { warn } from '../errors.ts'
import { callbackOf, describe } from '../pool/statement-arguments.ts'
import { rollbackToSavepoint } from '../postgres/control.ts'
import {
  isClosed,
  isSubmittable,
  type DriverCallback,
  type DriverConnection,
  type Submittable,
  type TransactionStatus,
} from '../postgres/driver.ts'
import { whenReady } from '../postgres/ready.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { Fifo } from '../sessions/fifo.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { Guard } from './guard.ts'
import type { HostConnection } from './host-connection.ts'
import { HostGate, type Turn } from './host-gate.ts'
import * as errors from './sharing-errors.ts'
import { tenureOf, type Tenure } from './tenure.ts'
import { NO_UNITS, translate, type Step, type Units } from './transaction-texts.ts'

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
}

/** A rollback as our sessions send it. */
const ROLLED_BACK = /^(ROLLBACK TO SAVEPOINT \w+); (RELEASE SAVEPOINT \w+)$/

/**
 * One borrowing of a host's connection, for a statement or for as long as a savepoint of the borrower is open. Each statement
 * outside of one is enclosed in a savepoint of its own, so that a failure cannot fail the host's transaction. It is a token: when
 * it is over, or the host has released the connection, it sends nothing.
 */
export class Lease implements Turn {
  readonly hostWaitMs: number
  readonly #gate: HostGate
  readonly #rules: BorrowRules
  readonly #lessee: Lessee
  readonly #guard: Guard
  readonly #fifo = new Fifo()
  #units: Units = NO_UNITS
  /** Cancels that the server has not taken yet. */
  readonly #cancels = new Set<Promise<void>>()
  #isGranted = false
  #isOver = false
  /** The server's word on the host's transaction as the lease began. */
  #status: TransactionStatus = 'I'
  /** From when the host gave it: he may have released it while we waited. */
  readonly #tenure: Tenure

  constructor(client: HostConnection, rules: BorrowRules, lessee: Lessee) {
    this.#gate = HostGate.of(client)
    this.#guard = new Guard(this.#gate, rules.access)
    this.#rules = rules
    this.#lessee = lessee
    this.#tenure = tenureOf(client)
    this.hostWaitMs = rules.checkoutTimeoutMs
  }

  /** Lines up for the connection. The lessee is told, at once where it is free. */
  ask(): void {
    this.#gate.enter(this)
  }

  come(): void {
    const left = this.#tenure()
    const refusal = left === undefined ? this.#refusal() : this.#ended(left)
    if (refusal) return this.#refuse(refusal)
    this.#isGranted = true
    this.#status = this.#hosts
    this.#client.on('error', this.#onError)
    this.#client.on('end', this.#onEnd)
    this.#lessee.granted()
  }

  lost(): void {
    this.#refuse(errors.noHostConnection('the host has closed it'))
  }

  isInside(): boolean {
    return this.isInUnit && this.#lessee.isInside()
  }

  /** Whether a savepoint of the borrower is open. */
  get isInUnit(): boolean {
    return this.#units.length > 0
  }

  get isBusy(): boolean {
    return this.#fifo.busy
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Sends a statement in its turn, in any of the forms that pg takes. */
  query(args: unknown[]): unknown {
    const [config] = args
    if (isSubmittable(config)) {
      const refuse = (error: Error) => refuseSubmittable(config, error)
      this.#fifo.push({ refuse, start: done => this.#submit(config, this.#told(done)) })
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

  /**
   * Gives the connection back to the host: what still runs is waited for, a savepoint that is open is rolled back. Whoever
   * ends it first gives up waiting.
   */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isGranted) return this.#gate.leave(this)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(this.#ended('its borrower has given it back'))
    if (!this.#fifo.busy) this.#finish()
  }

  /** A cancel of what runs is on its way; the host gets the connection back after it. Returns whether that still runs. */
  cancelling(asked: Promise<void>): () => boolean {
    this.#cancels.add(asked)
    void asked.then(() => this.#cancels.delete(asked))
    return () => this.isBusy
  }

  // ------------------------------------------------------------------------------------- asking and ending

  get #client(): HostConnection {
    return this.#gate.client
  }

  get #driver(): DriverConnection {
    return this.#gate.client as unknown as DriverConnection
  }

  get #pid(): number | null {
    return this.#client.processID ?? null
  }

  /** The server's word on the host's transaction; of a connection that has not heard any: idle. */
  get #hosts(): TransactionStatus {
    return this.#client.getTransactionStatus() ?? 'I'
  }

  get #isClosed(): boolean {
    return isClosed(this.#driver)
  }

  /** Why nothing can be sent now outside of a savepoint of the borrower, if that is so. */
  #refusal(): Error | undefined {
    if (this.#isClosed) return errors.noHostConnection('the host has closed it')
    const status = this.#hosts
    if (status === 'E') return errors.hostTransactionFailed(this.#pid)
    if (status === 'I' && this.#rules.requireTransaction)
      return errors.noHostTransaction(this.#pid, 'the borrower needs one')
    if (status === 'I' && this.#rules.access === 'read')
      return errors.noHostTransaction(this.#pid, "access 'read' is kept by a savepoint in one")
    return undefined
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
    this.#units = NO_UNITS
    this.#isOver = true
    this.#fifo.refuseWaiting(errors.leaseEnded(this.#pid, 'the host has lost it', cause))
    // pg tells the statement that runs of the loss by itself.
    if (!this.#fifo.busy) this.#leave()
  }

  #ended(why: string): Error {
    return errors.leaseEnded(this.#pid, why)
  }

  /** The lease is over. pg tells of an error before it has read what the server says of the transaction. */
  #finish(): void {
    const cancels = [...this.#cancels]
    // One names the backend and not the statement: coming late it would hit the host's.
    if (cancels.length > 0) return void Promise.all(cancels).then(() => this.#finish())
    // Until then the status byte is the one from before an error.
    if (this.#driver.readyForQuery === false && !this.#isClosed)
      return whenReady(this.#driver, isOpen => (isOpen ? this.#finish() : this.#leave()))
    const [outermost] = this.#units
    this.#units = NO_UNITS
    // The savepoint of a transaction that is over is gone; a transaction that somebody else has open there is not ours to touch.
    if (!outermost || this.#isClosed || this.#hosts === 'I' || this.#tenure() !== undefined)
      return this.#leave()
    this.#gate.send([
      rollbackToSavepoint(outermost.savepoint),
      () => whenReady(this.#driver, () => this.#leave()),
    ])
  }

  #leave(): void {
    if (!this.#isGranted) return
    this.#isGranted = false
    this.#client.removeListener('error', this.#onError)
    this.#client.removeListener('end', this.#onEnd)
    const now = this.#hosts
    if (now !== this.#status && !this.#isClosed && this.#tenure() === undefined) {
      warn(
        'EL_HOST_DISTURBED',
        `A borrower has left the host's connection (backend ${this.#pid ?? 'unknown'}) ${STATUS[now]}, which was ${STATUS[this.#status]}.`,
      )
    }
    // First: whoever is next is granted it within `leave`.
    this.#lessee.over()
    this.#gate.leave(this)
  }

  // ------------------------------------------------------------------------------------- statements

  #push(args: unknown[], answer: DriverCallback): void {
    this.#fifo.push({
      refuse: answer,
      start: done => {
        const told = this.#told(done)
        const settle: DriverCallback = (error, result) => {
          try {
            answer(error, result)
          } finally {
            told()
          }
        }
        try {
          this.#run(args, settle)
        } catch (error) {
          // pg throws for arguments that are no statement; nothing was sent.
          soon(settle, error as Error)
        }
      },
    })
  }

  /** The statement that ran is answered. Whoever was told of that may have ended the lease, or sent another. */
  #told(done: () => void): () => void {
    return () => {
      done()
      if (this.#fifo.busy) return
      if (this.#isOver) this.#finish()
      else this.#lessee.idle()
    }
  }

  /** Why this statement cannot be sent: the lease has ended, or the host's transaction has. */
  #stopped(): Error | undefined {
    if (this.#isOver) return this.#ended('its borrower has given it back')
    const left = this.#tenure()
    if (left !== undefined) {
      // Its savepoint is the business of whoever has the connection now.
      this.#units = NO_UNITS
      return this.#ended(left)
    }
    if (!this.isInUnit) return this.#refusal()
    if (this.#hosts === 'I') {
      this.#units = NO_UNITS
      return this.#ended('the host has ended the transaction in which a savepoint of the borrower was open')
    }
    return undefined
  }

  #run(args: unknown[], answer: DriverCallback): void {
    const stopped = this.#stopped()
    if (stopped) return soon(answer, stopped)
    const text = describe(args)?.text ?? ''
    const step = this.#stepFor(text)
    switch (step.act) {
      case 'pass':
        return this.#isGuarded ? this.#guard.enclose(args, this.#send, answer) : this.#send(args, answer)
      case 'answer':
        this.#units = step.units
        return soon(answer, null, resultOf(step.command))
      case 'send':
        return this.#control(step, answer)
      case 'refuse':
        return soon(answer, step.error)
      default:
        throw step satisfies never
    }
  }

  #stepFor(text: string): Step {
    const around = { policy: this.#rules.transactionControl, failed: this.#hosts === 'E' }
    const ours = ROLLED_BACK.exec(text)
    if (!ours) return translate(this.#units, text, around)
    const back = translate(this.#units, ours[1] ?? '', around)
    if (back.act !== 'send') return back
    const released = translate(back.units, ours[2] ?? '', { ...around, failed: false })
    return released.act === 'send' ? { ...released, text: `${back.text}; ${released.text}` } : released
  }

  #control(step: Extract<Step, { act: 'send' }>, answer: DriverCallback): void {
    if (this.#hosts === 'I')
      return soon(answer, errors.noHostTransaction(this.#pid, `${step.command} stands for a savepoint in it`))
    const isOutermost = !this.isInUnit && this.#rules.access === 'read'
    // From here on the host waits: what it wrote within the savepoint would go with it.
    this.#gate.shut()
    this.#gate.send([
      isOutermost ? `${step.text}; SET TRANSACTION READ ONLY` : step.text,
      (error: Error | null) => {
        this.#units = error ? step.unitsAfterError : step.units
        answer(error, resultOf(step.command))
      },
    ])
  }

  readonly #send = (args: unknown[], answer: DriverCallback): void => {
    const callback = callbackOf(args)
    if (callback) return void callback.sendWith(answer, sent => this.#gate.send(sent))
    const [config, values] = args
    this.#gate.send(Array.isArray(values) ? [config, values, answer] : [config, answer])
  }

  /** Whether a statement is enclosed in a savepoint of its own: within one of the borrower, and outside of a transaction, not. */
  get #isGuarded(): boolean {
    return this.#rules.guard === 'savepoint' && !this.isInUnit && this.#hosts === 'T'
  }

  #submit(submittable: Submittable, done: () => void): void {
    const refuse: DriverCallback = error => {
      if (error) refuseSubmittable(submittable, error)
      done()
    }
    // Destroyed while it waited: nobody reads it.
    if (submittable.destroyed) return soon(done)
    const stopped = this.#stopped()
    if (stopped) return soon(refuse, stopped)
    const step = this.#stepFor(describe([submittable])?.text ?? '')
    if (step.act === 'refuse') return soon(refuse, step.error)
    const isGuarded = this.#isGuarded
    const run = () => {
      const restore = oneByOne(this.#driver)
      onSubmittableEnd(submittable, ({ error }) => {
        restore()
        whenReady(this.#driver, () => {
          if (isGuarded) this.#guard.close(error, undefined, done)
          else done()
        })
      })
      this.#gate.send([submittable])
    }
    if (isGuarded) this.#guard.open(refuse, run)
    else run()
  }
}

/** Not from inside of the call that sends: the queue would take what was never sent for one that still runs. */
function soon<Args extends unknown[]>(tell: (...args: Args) => void, ...args: Args): void {
  queueMicrotask(() => tell(...args))
}

const STATUS: Record<TransactionStatus, string> = {
  I: 'outside of a transaction',
  T: 'in a transaction',
  E: 'in a failed transaction',
}

const resultOf = (command: string) => ({ command, rowCount: null, oid: null, rows: [], fields: [] })

function refuseSubmittable(submittable: Submittable, error: Error): void {
  if (submittable.destroy) submittable.destroy(error)
  else submittable.handleError?.(error)
}

/** pg refuses a cursor where it may write ahead. */
function oneByOne(driver: DriverConnection): () => void {
  if (!driver.pipeline) return () => {}
  driver.pipeline = false
  return () => void (driver.pipeline = true)
}
