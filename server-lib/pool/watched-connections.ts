import type { Discard } from '../channels/words.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Books } from './books.ts'
import { ConnectionWatch } from './statement-watch.ts'

/**
 * The watched driver connections of one pool, and how to restore each. Includes those about to close: on a silent
 * network the goodbye is never answered.
 */
export class WatchedConnections {
  readonly #books: Books
  readonly #leave = new Map<DriverConnection, () => void>()
  /** Opened in our context, and not in that of the caller that needed a connection first. */
  readonly #opened = new WeakSet<DriverConnection>()
  readonly #closing = new Set<DriverConnection>()
  #onceClosed: (() => void)[] = []

  constructor(books: Books) {
    this.#books = books
  }

  /** How many have a socket, as far as we know. */
  get size(): number {
    return this.#leave.size + this.#closing.size
  }

  /** A connection of the driver, as we speak to it. */
  of(raw: object): DriverConnection {
    return this.#books.dialect.connectionOf(raw)
  }

  /** A connection that a call of ours is opening, or has just opened. */
  opens(driver: DriverConnection): void {
    this.#opened.add(driver)
  }

  /** Enters a connection in the books and watches its statements, the first time it is seen. */
  enter(driver: DriverConnection): void {
    if (this.#leave.has(driver)) return
    const record = this.#books.opened(driver)
    if (!driver.canTellStatus) this.#books.transactionsAreUnknown()
    const unfollow = driver.followStatus()
    const unwatch = driver.watchStatements(new ConnectionWatch(this.#books, record))
    // `pool.query` listens for each of its statements and is bound as a whole; a session listens at each check-out.
    const isOurs = () => record.checkout?.isApplications === false
    const unbind = driver.bindListeners(isOurs, this.#opened.has(driver))
    const onEnd = () => {
      this.#closing.add(driver)
      this.gone(driver, 'connection ended')
      this.#hasClosed(driver)
    }
    driver.on('end', onEnd)
    this.#leave.set(driver, () => {
      unwatch()
      unbind()
      unfollow()
      driver.off('end', onEnd)
    })
  }

  /** The connection is closed, or is about to be: the pool does not grant it any more. */
  gone(driver: DriverConnection, reason: Discard): void {
    const leave = this.#leave.get(driver)
    if (leave) {
      leave()
      this.#leave.delete(driver)
      if (!this.#closing.has(driver)) {
        this.#closing.add(driver)
        const onEnd = () => {
          driver.off('end', onEnd)
          this.#hasClosed(driver)
        }
        driver.on('end', onEnd)
      }
    }
    this.#books.closed(driver, reason)
  }

  #hasClosed(driver: DriverConnection): void {
    this.#closing.delete(driver)
    if (this.size > 0) return
    const resolves = this.#onceClosed
    this.#onceClosed = []
    for (const resolve of resolves) resolve()
  }

  /** Resolves when the last socket is closed. */
  closed(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise(resolve => void this.#onceClosed.push(resolve))
  }

  /** Destroys every socket that is left. */
  cut(): void {
    for (const driver of [...this.#leave.keys(), ...this.#closing]) {
      // The holder may not listen, and an unheard error ends the process.
      driver.on('error', () => {})
      driver.cut()
      this.gone(driver, 'cut at close')
    }
  }

  leaveAll(): void {
    for (const leave of this.#leave.values()) leave()
    this.#leave.clear()
  }
}
