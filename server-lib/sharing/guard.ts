import { whenReady, type DriverConnection } from '../dialect/connection.ts'
import type { DriverCallback, DriverResult } from '../dialect/result.ts'
import type { Enclosure } from '../dialect/statement.ts'
import type { Texts } from '../dialect/texts.ts'
import type { BorrowRules } from './borrow-rules.ts'
import type { HostGate } from './host-gate.ts'

const GUARD = 'el_guard'
/**
 * How often a rollback is sent if a late cancel hits it instead of the statement. A cancel is requested twice at most.
 */
const ATTEMPTS = 3
/** By the texts of a dialect: their bytes are kept by these very lists. */
const enclosures = new WeakMap<Texts, Record<BorrowRules['access'], Enclosure>>()

/** A READ ONLY that was set within a savepoint is reverted by the server when that savepoint is released. */
function enclosuresOf(texts: Texts): Record<BorrowRules['access'], Enclosure> {
  let known = enclosures.get(texts)
  if (!known) {
    const open = texts.savepoint(GUARD)
    const behind = [texts.releaseSavepoint(GUARD)]
    known = { write: { before: [open], behind }, read: { before: [open, texts.readOnlyHere], behind } }
    enclosures.set(texts, known)
  }
  return known
}

type Send = (args: unknown[], answer: DriverCallback) => void

/**
 * The savepoint around one statement of a borrower: a failed statement is undone with it, and the host's transaction
 * goes on.
 */
export class Guard {
  readonly #gate: HostGate
  readonly #driver: DriverConnection
  readonly #enclosure: Enclosure

  constructor(gate: HostGate, access: BorrowRules['access']) {
    this.#gate = gate
    this.#driver = gate.driver
    this.#enclosure = enclosuresOf(this.#texts)[access]
  }

  get #texts(): Texts {
    return this.#driver.dialect.texts
  }

  /** Sends a statement within the savepoint: in one packet where possible, otherwise step by step with `send`. */
  enclose(args: unknown[], send: Send, answer: DriverCallback): void {
    let isTold = false
    const told: DriverCallback = (error, result) => {
      // If pg cannot write the values, it reports the error at once, and then answers the rest as if all were well.
      if (isTold) return
      isTold = true
      if (error) this.#rollBack(error, null, answer)
      else answer(null, result)
    }
    this.#gate.shut()
    const enclosed = this.#driver.enclosed(args, this.#enclosure, told)
    if (enclosed) this.#gate.send([enclosed])
    else this.open(answer, () => send(args, (error, result) => this.close(error, result, answer)))
  }

  /** From now on the host's statements wait: what they wrote would be undone with the savepoint. */
  open(refuse: DriverCallback, then: () => void): void {
    this.#gate.shut()
    this.#gate.send([
      this.#enclosure.before.join('; '),
      (error: Error | null) => (error ? refuse(error) : then()),
    ])
  }

  close(
    error: Error | null | undefined,
    result: DriverResult | DriverResult[] | undefined,
    answer: DriverCallback,
  ): void {
    if (error) return this.#rollBack(error, this.#texts.releaseSavepoint(GUARD), answer)
    const released = (failure: Error | null) =>
      failure ? this.#rollBack(failure, null, answer) : answer(null, result)
    this.#gate.send([this.#texts.releaseSavepoint(GUARD), released])
  }

  /**
   * Undoes a statement that failed, and answers with the statement's own error. `intact` is the text that closes the
   * savepoint when only the driver failed and the server had no objection; null where it is already closed.
   */
  #rollBack(error: Error, intact: string | null, answer: DriverCallback, attempts = ATTEMPTS): void {
    // pg reports an error before it has read the transaction status that follows.
    whenReady(this.#driver, isOpen => {
      const { status } = this.#driver
      const text = status === 'failed' ? this.#texts.rollbackToSavepoint(GUARD) : intact
      if (text === null || !isOpen || status === 'none' || status === 'unknown') return answer(error)
      const undone = (failure: Error | null) => {
        // The cancel came late and hit this rollback, so the host's transaction is still failed.
        const again = attempts > 1 && this.#driver.dialect.errors.kindOf(failure) === 'cancelled'
        whenReady(this.#driver, () => {
          if (again) this.#rollBack(error, intact, answer, attempts - 1)
          else answer(error)
        })
      }
      this.#gate.send([text, undone])
    })
  }
}
