import { callbackOf, statementIn } from '../pool/statement-arguments.ts'
import type { DriverCallback, DriverConnection, Submittable } from '../postgres/driver.ts'
import { whenReady } from '../postgres/ready.ts'
import { sqlstateOf } from '../postgres/sqlstate.ts'
import { closeWhenOver, onSubmittableEnd } from '../postgres/submittable.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { Guard } from './guard.ts'
import type { HostGate } from './host-gate.ts'
import type { HostTransaction } from './host-transaction.ts'
import { NO_UNITS, translate, type Step, type Units } from './transaction-texts.ts'

type Sent = Extract<Step, { act: 'send' }>

/** A rollback as our sessions send it. */
const ROLLED_BACK = /^(ROLLBACK TO SAVEPOINT \w+); (RELEASE SAVEPOINT \w+)$/

/**
 * What a borrower sends in the host's transaction, one after the other: his transactions as savepoints, and each statement outside
 * of one enclosed in a savepoint of its own, so that a failure cannot fail the host's.
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

  /** The outermost savepoint that he has open. */
  get outermost(): string | undefined {
    return this.#units[0]?.savepoint
  }

  get isInUnit(): boolean {
    return this.#units.length > 0
  }

  /** What was open is over, or somebody else's business. */
  forget(): void {
    this.#units = NO_UNITS
  }

  run(given: unknown[], answer: DriverCallback): void {
    const args = withoutName(given)
    const text = statementIn(args)?.text ?? ''
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

  /** A cursor or stream, until it is closed. */
  submit(submittable: Submittable, done: () => void): void {
    const refuse: DriverCallback = error => {
      if (error) refuseSubmittable(submittable, this.#told(error) as Error)
      done()
    }
    // Nobody reads it. Who waits for its end is told as by a cursor that was closed.
    const skip = () => {
      submittable.handleReadyForQuery?.()
      done()
    }
    if (submittable.destroyed) return soon(skip)
    const text = statementIn([submittable])?.text ?? ''
    const stopped = this.#stopped(text)
    if (stopped) return soon(refuse, stopped)
    const step = this.#stepFor(text)
    if (step.act === 'refuse') return soon(refuse, step.error)
    if (!this.#isGuarded) return this.#drive(submittable, done)
    this.#guard.open(refuse, () => {
      const close = (error: Error | null) => this.#guard.close(error, undefined, done)
      // Destroyed while its savepoint was on the way: nobody would ever close it.
      if (!submittable.destroyed) return this.#drive(submittable, close)
      submittable.handleReadyForQuery?.()
      close(null)
    })
  }

  #drive(submittable: Submittable, ended: (error: Error | null) => void): void {
    const driver = this.#gate.client as unknown as DriverConnection
    const restore = oneByOne(driver)
    closeWhenOver(submittable, error => error)
    onSubmittableEnd(submittable, ({ error }) => {
      restore()
      whenReady(driver, () => ended(error))
    })
    this.#gate.send([submittable])
  }

  /** Why nothing is sent now: the host has ended its transaction, or given the connection back. */
  #stopped(text: string): Error | undefined {
    const stopped = this.#host.refusal(this.isInUnit)
    if (!stopped) return undefined
    // Its savepoint is no more, but has yet to be ended by him: else he would be taken for one who ends what he has not begun.
    const step = this.isInUnit && this.#host.hasEnded ? this.#stepFor(text) : undefined
    if (!step) this.forget()
    else if (step.act === 'send' && step.units.length < this.#units.length) this.#units = step.units
    return stopped
  }

  /** The host may have ended its transaction, or failed in it, after the last that we have heard. Then our savepoint is refused. */
  #told(error: Error | null | undefined): Error | null | undefined {
    switch (sqlstateOf(error)) {
      case '25P01':
        return this.#host.none('the borrower needs one', error)
      case '25P02':
        return this.#host.failed(error)
      default:
        return error
    }
  }

  #stepFor(text: string): Step {
    const { transactionControl: policy, access } = this.#rules
    const around = { policy, failed: this.#host.status === 'failed', onlyReads: access === 'read' }
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
    // From here on the host waits: what it wrote within the savepoint would go with it.
    this.#gate.shut()
    this.#gate.send([
      isOutermost ? `${step.text}; SET TRANSACTION READ ONLY` : step.text,
      (error: Error | null) => {
        const told = this.isInUnit ? error : this.#told(error)
        this.#units = error ? step.unitsAfterError : step.units
        answer(told, resultOf(step.command))
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
    return this.#rules.guard === 'savepoint' && !this.isInUnit && this.#host.status === 'open'
  }
}

/** Not from inside of the call that sends: the queue would take what was never sent for one that still runs. */
export function soon<Args extends unknown[]>(tell: (...args: Args) => void, ...args: Args): void {
  queueMicrotask(() => tell(...args))
}

export function refuseSubmittable(submittable: Submittable, error: Error): void {
  if (submittable.destroy) submittable.destroy(error)
  else submittable.handleError?.(error)
}

const resultOf = (command: string) => ({ command, rowCount: null, oid: null, rows: [], fields: [] })

/** Prepared under a name it would stay on the host's connection, who may call a statement of its own so. */
function withoutName(args: unknown[]): unknown[] {
  const [config, ...others] = args
  const { name, text } = (config ?? {}) as { name?: unknown; text?: unknown }
  if (typeof config !== 'object' || typeof text !== 'string' || !name) return args
  return [{ ...config, name: undefined }, ...others]
}

/** pg refuses a cursor where it may write ahead. */
function oneByOne(driver: DriverConnection): () => void {
  if (!driver.pipeline) return () => {}
  driver.pipeline = false
  return () => void (driver.pipeline = true)
}
