import { EnginelightError } from '../channels/errors.ts'
import type { Dialect } from '../dialect/dialect.ts'
import type { ServerAddress } from '../engines/server-door.ts'
import type { Asker, Books } from '../pool/books.ts'
import type { ConnectionRecord } from '../pool/records.ts'
import type { GiveUp, Hold, Pool, Taker } from '../pool/pool.ts'
import { WatchedConnections } from '../pool/watched-connections.ts'
import { isInsideUnit } from '../sessions/units/inside.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { isInUnitOf, unitHere } from './borrowed-unit.ts'
import type { CurrentConnection, HostConnection } from './host-connection.ts'
import { Loan } from './loan.ts'
import { SharedConnection } from './shared-connection.ts'
import { noHostConnection } from './sharing-errors.ts'

/**
 * The pool of a borrowed engine. It opens nothing: at each check-out it asks for the connection that the host is using
 * now, queues for it, and returns it as it was.
 */
export class SharingPool implements Pool {
  readonly books: Books
  readonly connections: WatchedConnections
  readonly min = 0
  readonly #current: CurrentConnection
  readonly #rules: BorrowRules
  readonly #shared = new WeakMap<HostConnection, SharedConnection>()
  #last: HostConnection | undefined
  /** Cycles through the borrowed connections. */
  #hand: Iterator<ConnectionRecord>
  readonly #found: () => void

  constructor(current: CurrentConnection, rules: BorrowRules, books: Books, found: () => void = () => {}) {
    this.#found = found
    this.#current = current
    this.#rules = rules
    this.books = books
    this.#hand = books.records()
    this.connections = new WatchedConnections(books)
  }

  /** As many as the host has lent so far and not closed since. */
  get max(): number {
    return Math.max(1, this.books.size)
  }

  /** The server that the host is connected to, as of the last borrowing. */
  get address(): ServerAddress {
    const { host, port, database } = this.#last ?? {}
    return { serverAddress: host ?? null, serverPort: port ?? null, database: database ?? null }
  }

  acquire(asker: Asker, taker: Taker): GiveUp {
    this.#forgetClosed()
    const { books } = this
    const checkout = books.askingFor(asker, () => books.asked())
    const unit = unitHere()
    let loan: Loan | undefined
    let isGivenUp = false
    const refuse = (cause: unknown) => {
      books.failed(checkout, cause)
      taker.refused(cause)
    }
    const lend = (client: HostConnection | null | undefined) => {
      if (isGivenUp) return
      const shared = this.#sharedOf(client)
      const { session } = asker
      const granted: Loan = (loan = new Loan(shared.client, this.#rules, {
        granted: () => {
          shared.loan = granted
          this.connections.enter(shared)
          books.acquired(checkout, shared)
          taker.granted(this.#hold(shared, granted))
        },
        refused: refuse,
        idle: () => void shared.emit('drain'),
        over: () => {
          shared.loan = undefined
          const record = books.recordOf(shared)
          books.released(shared)
          if (record) record.discarded = null
          if (shared.isClosed) this.#forget(shared)
          else shared.emit('drain')
        },
        current: () => this.#ask(),
        isInside: () => (session === null ? isInUnitOf(unit) : isInsideUnit(session)),
      }))
      granted.ask()
    }
    // Asked now, in the caller's context. Answered later, because the caller does not have its `GiveUp` yet.
    this.#ask()
      .then(lend)
      .catch((cause: unknown) => refuse(asRefusal(cause)))
    return () => {
      isGivenUp = true
      loan?.end()
      books.failed(checkout, checkout.failure)
    }
  }

  #ask(): Promise<HostConnection | null | undefined> {
    return new Promise(resolve => resolve(this.#current()))
  }

  #hold(driver: SharedConnection, loan: Loan): Hold {
    return { driver, release: () => loan.end(), discard: () => loan.end() }
  }

  #sharedOf(given: HostConnection | null | undefined): SharedConnection {
    const client = checked(this.books.dialect, given)
    const { host, port, database } = this.#last ?? {}
    this.#last = client
    if (client.host !== host || client.port !== port || client.database !== database) this.#found()
    let shared = this.#shared.get(client)
    if (!shared) {
      this.#shared.set(client, (shared = new SharedConnection(this.books.dialect, client)))
      // For as long as the host has the connection: otherwise each loan on an older pg would have to ask the server.
      this.books.dialect.connectionOf(client).followStatus()
    }
    return shared
  }

  /**
   * There is no listener on a connection that is not borrowed, so that nothing of ours stays on it: closed ones must be
   * looked for. Looks at two at each check-out, which adds one at most, so there are never many more than the host has
   * open.
   */
  #forgetClosed(): void {
    for (let looked = 0; looked < 2; looked++) {
      const { done, value } = this.#hand.next()
      if (done) return void (this.#hand = this.books.records())
      const shared = value.driver as SharedConnection
      if (!shared.loan && shared.isClosed) this.#forget(shared)
    }
  }

  #forget(shared: SharedConnection): void {
    this.connections.gone(shared, 'closed by the host')
    // Nothing else emits it, and until then the connection counts as closing.
    shared.emit('end')
  }

  unwatch(): void {
    this.connections.leaveAll()
  }

  destroy(): Promise<void> {
    return Promise.resolve()
  }

  cut(): void {}
}

function checked(dialect: Dialect, client: HostConnection | null | undefined): HostConnection {
  if (client === null || client === undefined) {
    throw noHostConnection(
      `the function given as connection returned ${client}, so the host has none in use here`,
    )
  }
  if (typeof client !== 'object' || !dialect.isConnection(client)) {
    throw noHostConnection('the function given as connection returned something without a query() method')
  }
  if ('totalCount' in client || ('connect' in client && 'idleCount' in client)) {
    throw noHostConnection(
      'the function given as connection returned a pool, and each of its statements may run on another connection: give what pool.connect() resolves to',
    )
  }
  if (!dialect.connectionOf(client).canTellStatus) {
    throw noHostConnection(
      'the function given as connection returned one that does not tell whether a transaction is open: a client of pg 8.11 or newer does',
    )
  }
  return client
}

function asRefusal(cause: unknown): unknown {
  if (cause instanceof EnginelightError) return cause
  return noHostConnection('the function given as connection failed', cause)
}
