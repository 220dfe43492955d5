import type { Hold } from '../pool/pool.ts'
import type { SharedConnection } from './shared-connection.ts'
import { leaseEnded } from './sharing-errors.ts'

/**
 * What knex holds while it borrows: a token that is useless once it is returned. What knex writes on it is not written
 * on the host's connection.
 */
export class LentConnection {
  readonly #hold: Hold
  #isOver = false
  #disposed: unknown

  constructor(hold: Hold) {
    this.#hold = hold
  }

  /** Only a sharing pool lends. */
  get #driver(): SharedConnection {
    return this.#hold.driver as SharedConnection
  }

  query(...args: unknown[]): unknown {
    if (this.#isOver) throw leaseEnded(this.processID, 'its borrower has given it back')
    return this.#driver.query(...args)
  }

  /** Returns whether it was still out. */
  giveBack(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#hold.release()
    return true
  }

  on(event: string, listener: (...args: any[]) => void): unknown {
    return this.#driver.on(event, listener)
  }

  once(event: string, listener: (...args: any[]) => void): unknown {
    return this.#driver.once(event, listener)
  }

  removeListener(event: string, listener: (...args: any[]) => void): unknown {
    return this.#driver.removeListener(event, listener)
  }

  get processID(): number | null {
    return this.#driver.serverId
  }

  get __knex__disposed(): unknown {
    return this.#disposed
  }

  /**
   * knex has given up on a statement (`.timeout(ms)`) that still runs: the host gets its connection back once it is
   * cancelled.
   */
  set __knex__disposed(reason: unknown) {
    this.#disposed = reason
    void this.cancel()
  }

  /** Asks the server to cancel the running statement. The host gets the connection back once that is answered. */
  cancel(): Promise<void> {
    return this.#isOver ? Promise.resolve() : this.#driver.cancel()
  }
}
