import { whenReady } from '../dialect/connection.ts'
import type { Language } from '../dialect/language.ts'
import type { DriverCallback } from '../dialect/result.ts'
import { refuseStream, type DriverStream } from '../dialect/stream.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { Guard } from './guard.ts'
import type { HostGate } from './host-gate.ts'
import type { HostTransaction } from './host-transaction.ts'
import { NO_UNITS, translate, type Step, type Units } from './transaction-texts.ts'

type Sent = Extract<Step, { act: 'send' }>

/** The rollback text that our sessions send. */
const ROLLED_BACK = /^(ROLLBACK TO SAVEPOINT \w+); (RELEASE SAVEPOINT \w+)$/

/**
 * Sends a borrower's statements in the host's transaction, one after the other. The borrower's transactions become
 * savepoints; each statement outside of them gets a savepoint of its own, so that its failure cannot fail the host's
 * transaction.
 */
export class BorrowerStatements {
  readonly #gate: HostGate
  readonly #host: HostTransaction
  readonly #rules: BorrowRules
  readonly #guard: Guard
  #units: Units = NO_UNITS

  constructor(gate: HostGate, host: HostTransaction, rules: BorrowRules) {
    this.#gate = gate
    this.#host = host
    this.#rules = rules
    this.#guard = new Guard(gate, rules.access)
  }

  get #dialect(): Language {
    return this.#gate.driver.dialect
  }

  /** The borrower's outermost open savepoint. */
  get outermost(): string | undefined {
    return this.#units[0]?.savepoint
  }

  get isInUnit(): boolean {
    return this.#units.length > 0
  }

  /** The open units have ended, or are no longer the borrower's. */
  forget(): void {
    this.#units = NO_UNITS
  }

  run(given: unknown[], answer: DriverCallback): void {
    const args = withoutName(given)
    const text = this.#dialect.calls.statementIn(args)?.text ?? ''
    const stopped = this.#stopped(text)
    if (stopped) return soon(answer, stopped)
    const step = this.#stepFor(text)
    switch (step.act) {
      case 'pass':
        if (!this.#isGuarded) return this.#send(args, answer)
        return this.#guard.enclose(args, this.#send, (error, result) => answer(this.#told(error), result))
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

  /** Runs a cursor or stream, until it is closed. */
  submit(submittable: DriverStream, done: () => void): void {
    const refuse: DriverCallback = error => {
      if (error) refuseStream(submittable, this.#told(error) as Error)
      done()
    }
    // Nothing will read it. Listeners to its end are told as for a closed cursor.
    const skip = () => {
      submittable.handleReadyForQuery?.()
      done()
    }
    if (submittable.destroyed) return soon(skip)
    const text = this.#dialect.calls.statementIn([submittable])?.text ?? ''
    const stopped = this.#stopped(text)
    if (stopped) return soon(refuse, stopped)
    const step = this.#stepFor(text)
    if (step.act === 'refuse') return soon(refuse, step.error)
    if (!this.#isGuarded) return this.#drive(submittable, done)
    this.#guard.open(refuse, () => {
      const close = (error: Error | null) => this.#guard.close(error, undefined, done)
      // Destroyed while its savepoint was being sent: nothing would ever close it.
      if (!submittable.destroyed) return this.#drive(submittable, close)
      submittable.handleReadyForQuery?.()
      close(null)
    })
  }

  #drive(submittable: DriverStream, ended: (error: Error | null) => void): void {
    const { driver } = this.#gate
    const restore = driver.oneByOne()
    const { streams } = this.#dialect
    streams.closeWhenOver(submittable, error => error)
    streams.onEnd(submittable, ({ error }) => {
      restore()
      whenReady(driver, () => ended(error))
    })
    this.#gate.send([submittable])
  }

  /** Why nothing can be sent now: the host has ended its transaction, or released the connection. */
  #stopped(text: string): Error | undefined {
    const stopped = this.#host.refusal(this.isInUnit)
    if (!stopped) return undefined
    // The savepoint is gone, but the borrower still has to end it: otherwise its later end would look like the end of
    // something it never began.
    const step = this.isInUnit && this.#host.hasEnded ? this.#stepFor(text) : undefined
    if (!step) this.forget()
    else if (step.act === 'send' && step.units.length < this.#units.length) this.#units = step.units
    return stopped
  }

  /** The host may have ended or failed its transaction since the status we know. Then our savepoint is refused. */
  #told(error: Error | null | undefined): Error | null | undefined {
    switch (this.#dialect.errors.kindOf(error)) {
      case 'no transaction':
        return this.#host.none('the borrower needs one', error)
      case 'transaction failed':
        return this.#host.failed(error)
      default:
        return error
    }
  }

  #stepFor(text: string): Step {
    const { transactionControl: policy, access } = this.#rules
    const around = {
      dialect: this.#dialect,
      policy,
      failed: this.#host.status === 'failed',
      onlyReads: access === 'read',
    }
    const ours = ROLLED_BACK.exec(text)
    if (!ours) return translate(this.#units, text, around)
    const back = translate(this.#units, ours[1] ?? '', around)
    if (back.act !== 'send') return back
    const released = translate(back.units, ours[2] ?? '', { ...around, failed: false })
    return released.act === 'send' ? { ...released, text: `${back.text}; ${released.text}` } : released
  }

  #control(step: Sent, answer: DriverCallback): void {
    if (this.#host.status === 'none')
      return soon(answer, this.#host.none(`${step.command} stands for a savepoint in it`))
    const isOutermost = !this.isInUnit && this.#rules.access === 'read'
    // From here on the host's statements wait: what they wrote within the savepoint would be undone with it.
    this.#gate.shut()
    this.#gate.send([
      isOutermost ? `${step.text}; ${this.#dialect.texts.readOnlyHere}` : step.text,
      (error: Error | null) => {
        const told = this.isInUnit ? error : this.#told(error)
        this.#units = error ? step.unitsAfterError : step.units
        answer(told, resultOf(step.command))
      },
    ])
  }

  readonly #send = (args: unknown[], answer: DriverCallback): void => {
    const callback = this.#dialect.calls.callbackOf(args)
    if (callback) return void callback.sendWith(answer, sent => this.#gate.send(sent))
    const [config, values] = args
    this.#gate.send(Array.isArray(values) ? [config, values, answer] : [config, answer])
  }

  /**
   * Whether a statement gets a savepoint of its own. Not inside a savepoint of the borrower, nor where the host has no
   * open transaction.
   */
  get #isGuarded(): boolean {
    return this.#rules.guard === 'savepoint' && !this.isInUnit && this.#host.status === 'open'
  }
}

/**
 * Defers a callback out of the call that sends: otherwise the queue would think that a statement which was never sent
 * still runs.
 */
export function soon<Args extends unknown[]>(tell: (...args: Args) => void, ...args: Args): void {
  queueMicrotask(() => tell(...args))
}

const resultOf = (command: string) => ({ command, rowCount: null, oid: null, rows: [], fields: [] })

/** A prepared statement would stay on the host's connection, and the host may use the same name. */
function withoutName(args: unknown[]): unknown[] {
  const [config, ...others] = args
  const { name, text } = (config ?? {}) as { name?: unknown; text?: unknown }
  if (typeof config !== 'object' || typeof text !== 'string' || !name) return args
  return [{ ...config, name: undefined }, ...others]
}
