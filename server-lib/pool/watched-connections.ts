import type { DriverConnection } from '../postgres/driver.ts'
import type { Ledger } from './ledger.ts'
import { watchStatements } from './watch-statements.ts'

/** The driver connections of one pool that are being watched, and how to leave each as it was. */
export class WatchedConnections {
  readonly #ledger: Ledger
  readonly #leave = new Map<DriverConnection, () => void>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Enters a connection in the books and watches its statements, the first time that it is seen. */
  enter(driver: DriverConnection): void {
    if (this.#leave.has(driver)) return
    const record = this.#ledger.opened(driver)
    const unwatch = watchStatements(this.#ledger, record)
    const onEnd = () => this.gone(driver, 'connection ended')
    driver.on('end', onEnd)
    this.#leave.set(driver, () => {
      unwatch()
      driver.removeListener('end', onEnd)
    })
  }

  /** The connection is closed. */
  gone(driver: DriverConnection, reason: string): void {
    this.#leave.get(driver)?.()
    this.#leave.delete(driver)
    this.#ledger.closed(driver, reason)
  }

  leaveAll(): void {
    for (const leave of this.#leave.values()) leave()
    this.#leave.clear()
  }
}
